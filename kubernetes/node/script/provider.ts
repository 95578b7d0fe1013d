import { providerName } from '../../credential-provider/script.ts';

/**
 * The kubelet's credential provider. It reads its configuration when it starts, and does not start
 * where a file is missing: so that files come before what names them, and go after it.
 */
export const provider = `
own_provider=/var/lib/berth-node/credential-provider
provider_name=${providerName}

# Brings about what is wanted of the provider; provider_state: how far it is.
settle_provider() {
  local wanted
  provider_state=off provider_sum= provider_existing=
  wanted=$provider
  [ "$mode" = lay ] || wanted=off
  find_places
  if [ "$wanted" = off ]; then
    withdraw_provider
  elif [ "$places" = unusable ]; then
    provider_state=problem
  elif [ "$places" = own ]; then
    offer_provider
  elif [ "$wanted" = configure ]; then
    join_provider
  else
    provider_state=foreign
  fi
}

# places: own, or those of a configuration that is there and names other providers.
find_places() {
  places=own
  config_file=$own_provider/config.yaml binary_folder=$own_provider/bin
  if [ "$provider_config" = '?' ] || [ "$provider_bin" = '?' ]; then
    places=unusable
  elif [ -n "$provider_config" ] && [ "$provider_config" != "$config_file" ]; then
    places=foreign config_file=$provider_config binary_folder=$provider_bin
  elif [ -z "$provider_config" ] && [ -f "$root/var/lib/rancher/credentialprovider/config.yaml" ]; then
    places=foreign
    config_file=/var/lib/rancher/credentialprovider/config.yaml
    binary_folder=/var/lib/rancher/credentialprovider/bin
  fi
}

named() {
  [ "$provider_config" = "$own_provider/config.yaml" ] || [ "$provider_bin" = "$own_provider/bin" ]
}

kubelet_process() {
  process=\${kubelet:-$embedding}
}

# A kubelet before 1.34 does not start with what it does not know.
knows_tokens() {
  local word
  if [ "$kubelet_asked" != "$process $(started_of "$process")" ]; then
    kubelet_asked="$process $(started_of "$process")" kubelet_minor=0
    for word in $(on_node "$kubelet_binary" --version 2>/dev/null </dev/null); do
      case $word in
        v1.[0-9]*.*)
          word=\${word#v1.}
          kubelet_minor=\${word%%.*}
          break
          ;;
      esac
    done
  fi
  [ "$kubelet_minor" -ge 34 ] 2>/dev/null
}

lay_provider() {
  make_folders "$own_provider/bin" || { problem unwritable "$own_provider"; return 1; }
  put "$files/$1" "$root$own_provider/bin/$provider_name" 755
}

offer_provider() {
  kubelet_process
  provider_state=problem
  lay_provider provider.sh || return 1
  put "$files/provider.json" "$root$own_provider/config.yaml" || return 1
  provider_state=installed
  if still_waits kubelet-flags "$process"; then
    problem restart kubelet
    return 0
  fi
  if named; then
    provider_state=active
  elif [ "$provider" = configure ]; then
    set_flags
  fi
}

# The flags go where the distribution keeps them.
set_flags() {
  local line text found end file
  knows_tokens || { problem kubelet-version kubelet; return 1; }
  text= found=no
  case $distribution in
    k3s | rke2)
      file=/etc/rancher/$distribution/config.yaml.d/berth.yaml
      text="image-credential-provider-config: \\"$own_provider/config.yaml\\"\${nl}image-credential-provider-bin-dir: \\"$own_provider/bin\\""
      ;;
    kubeadm)
      file=/var/lib/kubelet/kubeadm-flags.env
      while IFS= read -r line || [ -n "$line" ]; do
        case $line in
          *--image-credential-provider-*) problem flags "$file"; return 1 ;;
          KUBELET_KUBEADM_ARGS=*)
            found=yes end=
            case $line in *'"') end='"' line=\${line%?} ;; *"'") end="'" line=\${line%?} ;; *' '*) problem flags "$file"; return 1 ;; esac
            line="$line --image-credential-provider-config=$own_provider/config.yaml --image-credential-provider-bin-dir=$own_provider/bin$end"
            ;;
        esac
        text=$text$line$nl
      done <"$root$file"
      text=\${text%"$nl"}
      [ "$found" = yes ] || { problem flags "$file"; return 1; }
      ;;
    *) problem flags unknown; return 1 ;;
  esac
  change_file "$file" kubelet-flags "$text" || return 1
  put_text "$process $(started_of "$process")" "$state/kubelet-flags.waits"
  restart_kubelet || problem restart kubelet
}

restart_kubelet() {
  case $distribution in
    k3s) restart_unit k3s k3s-agent ;;
    rke2) restart_unit rke2-server rke2-agent ;;
    microk8s) restart_unit snap.microk8s.daemon-kubelite ;;
    *) restart_unit kubelet ;;
  esac
}

# Puts our entry beside those of others, as it was rendered for this very content.
join_provider() {
  kubelet_process
  provider_state=problem
  if still_waits provider-config "$process"; then
    provider_state=installed
    problem restart kubelet
    return 0
  fi
  provider_sum=$(sum_of "$root$config_file")
  if [ -f "$state/provider-config.sum" ] && [ "$provider_sum" = "$(cat "$state/provider-config.sum")" ]; then
    put "$files/provider.sh" "$root$binary_folder/$provider_name" 755 && provider_state=active
    provider_sum=
    return 0
  fi
  if [ ! -f "$files/provider-$provider_sum" ]; then
    show_existing
    provider_state=merge
    return 0
  fi
  knows_tokens || { problem kubelet-version kubelet; return 1; }
  put "$files/provider.sh" "$root$binary_folder/$provider_name" 755 || return 1
  make_folders "\${state#"$root"}" || return 1
  put_text "$binary_folder/$provider_name" "$state/provider-binary" || return 1
  # Somebody changed the file since: what it is now is what will be given back.
  rm -f "$state/provider-config.path"
  change_file "$config_file" provider-config "$(cat "$files/provider-$provider_sum")" || return 1
  provider_state=installed provider_sum=
  put_text "$process $(started_of "$process")" "$state/provider-config.waits"
  restart_kubelet || problem restart kubelet
}

show_existing() {
  if [ "$(wc -c <"$root$config_file" 2>/dev/null || echo 99999)" -le 32768 ]; then
    provider_existing=$(base64 <"$root$config_file" 2>/dev/null | tr -d '\\n')
  fi
  [ -n "$provider_existing" ] || problem provider-config "$config_file"
}

# Restarts the kubelet where that can be done, and gives the new one a while to come.
start_anew() {
  local before count
  before="$process $(started_of "$process")" count=0
  restart_kubelet || return 0
  while :; do
    detect
    kubelet_process
    [ -z "$process" ] || [ "$process $(started_of "$process")" = "$before" ] || return 0
    [ "$count" -lt 10 ] || return 0
    count=$((count + 1))
    sleep 1
  done
}

mark_waiting() {
  put_text "$process $(started_of "$process")" "$state/$1.waits"
}

waits_for_restart() {
  still_waits "$1" "$process" && problem restart kubelet
}

# Takes the provider away: at once where no kubelet runs it, else when that has ended.
withdraw_provider() {
  local binary
  kubelet_process
  if [ -f "$state/provider-config.path" ]; then
    restore_file provider-config "$provider_name" && {
      mark_waiting provider-binary
      start_anew
    }
  fi
  if [ -f "$state/provider-binary" ]; then
    read -r binary <"$state/provider-binary"
    if [ -f "$state/provider-config.path" ] || waits_for_restart provider-binary; then
      put "$files/provider-inert.sh" "$root$binary" 755
      provider_state=inert
    else
      rm -f "$root$binary" "$state/provider-binary"
    fi
  fi
  if [ -f "$state/kubelet-flags.path" ]; then
    restore_file kubelet-flags "$own_provider" && {
      # One that shows its flags tells by them whether it runs the provider.
      [ -n "$kubelet" ] && ! named || mark_waiting kubelet-flags
      start_anew
    }
  fi
  [ -d "$root$own_provider" ] || return 0
  if waits_for_restart kubelet-flags || named || [ -f "$state/kubelet-flags.path" ]; then
    lay_provider provider-inert.sh
    provider_state=inert
  else
    rm -rf "$root$own_provider"
  fi
}
`;
