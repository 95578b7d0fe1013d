/** What the node is: its runtimes, where containerd looks, what the kubelet was told. */
export const detect = `
# The last value that the words on standard input give any of the flags.
flag_of() {
  local word previous flag value
  previous= value=
  while read -r word; do
    for flag in "$@"; do
      case $word in "$flag="*) value=\${word#"$flag="} ;; esac
      [ "$previous" != "$flag" ] || value=$word
    done
    previous=$word
  done
  printf '%s' "$value"
}

words_of() {
  tr '\\000' '\\n' <"$proc/$1/cmdline" 2>/dev/null
}

started_of() {
  local stat
  { read -r stat <"$proc/$1/stat"; } 2>/dev/null || return 0
  # The name stands in parentheses and may hold blanks.
  set -- \${stat##*) }
  printf '%s' "\${20}"
}

# Whether a process is the node's own. Whoever may run a pod gives its processes whatever names and
# command lines they like: those have another numbering of processes, another user, or what runs
# containers above them.
of_node() {
  local pid key value rest user parent nested above count
  pid=$1 above= count=0
  while [ "$count" -le 100 ]; do
    user= parent= nested=
    {
      while read -r key value rest; do
        case $key in
          PPid:) parent=$value ;;
          Uid:) user=$value ;;
          NSpid:) nested=$rest ;;
        esac
      done <"$proc/$pid/status"
    } 2>/dev/null
    if [ "$pid" = "$1" ]; then
      [ "$user" = 0 ] && [ -z "$nested" ] || return 1
    else
      { read -r above <"$proc/$pid/comm"; } 2>/dev/null
      case $above in containerd-shim* | docker-containe* | conmon*) return 1 ;; esac
    fi
    case $parent in
      '') return 1 ;;
      0 | 1) return 0 ;;
    esac
    pid=$parent count=$((count + 1))
  done
  return 1
}

detect() {
  local dir name config rke2
  containerd= containerd_file= dockerd=no crio=no kubelet= embedding= rke2=no
  for dir in "$proc"/[0-9]*; do
    name=
    { read -r name <"$dir/comm"; } 2>/dev/null || continue
    case $name in
      containerd | dockerd | crio | kubelet | k3s* | rke2) of_node "\${dir##*/}" || continue ;;
      *) continue ;;
    esac
    case $name in
      containerd)
        config=$(words_of "\${dir##*/}" | flag_of --config -config -c)
        case $config in
          # The engine of docker brings one of its own, which pulls nothing.
          /run/docker/* | /var/run/docker/*) ;;
          *)
            [ -n "$containerd" ] && [ -z "$config" ] || {
              containerd=\${dir##*/} containerd_file=\${config:-/etc/containerd/config.toml}
            }
            ;;
        esac
        ;;
      dockerd) dockerd=yes ;;
      crio) crio=yes ;;
      kubelet) kubelet=\${dir##*/} ;;
      k3s-server | k3s-agent) embedding=\${dir##*/} ;;
      k3s)
        # In its own image; its other commands have that name too, and end soon.
        case "$(tr '\\000' ' ' <"$dir/cmdline" 2>/dev/null) " in
          *'k3s server '* | *'k3s agent '*) embedding=\${dir##*/} ;;
        esac
        ;;
      rke2) rke2=yes ;;
    esac
  done
  detect_distribution
  find_containerd_file
  detect_containerd
  detect_flags
}

# One that is just being started anew still has its file, and what was laid down stays.
find_containerd_file() {
  local name
  if [ -n "$containerd" ]; then
    containerd_was=$containerd_file
    return 0
  fi
  for name in "$containerd_was" "/var/lib/rancher/$distribution/agent/etc/containerd/config.toml"; do
    [ -n "$name" ] && follow "$name" && [ -f "$root$at" ] && containerd_file=$name && return 0
  done
  [ ! -d "$root/etc/containerd" ] || containerd_file=/etc/containerd/config.toml
}

detect_distribution() {
  if [ -n "$embedding" ]; then distribution=k3s
  elif [ "$rke2" = yes ] || [ -d "$root/var/lib/rancher/rke2/agent" ]; then distribution=rke2
  elif [ -d "$root/var/lib/rancher/k3s/agent" ]; then distribution=k3s
  elif [ -d "$root/var/snap/microk8s" ]; then distribution=microk8s
  elif [ -d "$root/etc/eks" ]; then distribution=eks
  elif [ -f "$root/etc/kubernetes/azure.json" ]; then distribution=aks
  elif [ -d "$root/home/kubernetes/bin" ]; then distribution=gke
  elif [ -d "$root/etc/machine-config-daemon" ]; then distribution=openshift
  elif [ -f "$root/var/lib/kubelet/kubeadm-flags.env" ]; then distribution=kubeadm
  else distribution=unknown
  fi
}

detect_flags() {
  kubelet_binary=$distribution
  if [ -z "$kubelet" ]; then
    # Another that is away for a moment may come back with the flags that it had.
    [ "$distribution" != k3s ] || read_k3s_settings
    return 0
  fi
  provider_bin=$(words_of "$kubelet" | flag_of --image-credential-provider-bin-dir)
  provider_config=$(words_of "$kubelet" | flag_of --image-credential-provider-config)
  plain "$provider_bin"
  provider_bin=$plain
  plain "$provider_config"
  provider_config=$plain
  kubelet_binary=$(words_of "$kubelet" | { read -r name; printf '%s' "$name"; })
}

# A kubelet inside of k3s shows no flags: they stand in files, of which a later one overrides.
read_k3s_settings() {
  local name folder
  provider_bin= provider_config=
  [ -z "$embedding" ] ||
    kubelet_binary=$(words_of "$embedding" | { read -r name; printf '%s' "\${name%% *}"; })
  read_k3s_file /etc/rancher/k3s/config.yaml
  follow /etc/rancher/k3s/config.yaml.d || return 0
  folder=$at
  for name in "$root$folder"/*.y*ml; do
    read_k3s_file "\${name#"$root"}"
  done
  # What k3s takes where one of the two is not named.
  if [ -n "$provider_config$provider_bin" ]; then
    provider_config=\${provider_config:-/var/lib/rancher/credentialprovider/config.yaml}
    provider_bin=\${provider_bin:-/var/lib/rancher/credentialprovider/bin}
  fi
}

# Settings of their own, and those in kubelet-arg.
read_k3s_file() {
  local line
  follow "$1" && [ -f "$root$at" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    bare "\${line%%#*}"
    case $bare in
      *image-credential-provider-config[:=]*)
        k3s_value "\${bare#*image-credential-provider-config?}"
        provider_config=$plain
        ;;
    esac
    case $bare in
      *image-credential-provider-bin-dir[:=]*)
        k3s_value "\${bare#*image-credential-provider-bin-dir?}"
        provider_bin=$plain
        ;;
    esac
  done <"$root$at"
}

k3s_value() {
  plain "\${1%%[],]*}"
}

detect_containerd() {
  config_path= config_version= config_legacy=no config_owner= has_config_path=no
  [ -n "$containerd_file" ] || return 0
  case $containerd_file in
    # Where it writes the file itself it names config_path there, and no program in PATH is this one.
    */agent/etc/containerd/config.toml) containerd_version= asked= ;;
    *) [ -z "$containerd" ] || ask_containerd ;;
  esac
  config_imports= config_first=yes
  read_config "$containerd_file" || return 0
  config_first=no
  for name in $config_imports; do
    case $name in /*) ;; *) name=\${containerd_file%/*}/$name ;; esac
    follow "\${name%/*}" || continue
    for config in "$root$at"/\${name##*/}; do
      [ -f "$config" ] && read_config "\${config#"$root"}"
    done
  done
  # The first of several folders is where containerd looks first.
  config_path=\${config_path%%:*}
  plain "$config_path"
  config_path=$plain
  [ -z "$config_path" ] || has_config_path=yes
  case $containerd_version in
    '' | '?' | [01].* | 2.[01].*) ;;
    # From 2.2 on it looks there unless it is told otherwise.
    *) [ "$config_legacy" = yes ] || has_config_path=yes ;;
  esac
}

# What release the running containerd is of: asked once of each process.
ask_containerd() {
  local word
  [ "$asked" != "$containerd $(started_of "$containerd")" ] || return 0
  asked="$containerd $(started_of "$containerd")"
  containerd_binary=$(words_of "$containerd" | { read -r word; printf '%s' "$word"; })
  containerd_version=
  for word in $(on_node "$containerd_binary" --version 2>/dev/null </dev/null); do
    case $word in
      v[0-9]*.* | [0-9]*.*)
        plain "\${word#v}"
        containerd_version=$plain
        break
        ;;
    esac
  done
}

# Text without the quotes and blanks of TOML.
bare() {
  local IFS
  IFS="\\"'$blanks"
  set -f
  set -- $1
  set +f
  IFS=
  bare="$*"
}

read_config() {
  local line section key value plugin found
  follow "$1" && [ -f "$root$at" ] || return 0
  section= plugin=no found=
  while IFS= read -r line || [ -n "$line" ]; do
    line=\${line#"\${line%%[!$blanks]*}"}
    case $line in
      '' | '#'*) continue ;;
      '['*)
        line=\${line#[}
        bare "\${line%%]*}"
        section=$bare
        case $section in
          plugins.io.containerd.grpc.v1.cri* | plugins.io.containerd.cri.v1.images*)
            plugin=yes config_owner=$1
            ;;
        esac
        case $section in
          *.registry.mirrors.* | *.registry.configs.*) config_legacy=yes ;;
        esac
        continue
        ;;
      *=*) ;;
      *) continue ;;
    esac
    bare "\${line%%=*}"
    key=\${section:+$section.}$bare
    value=\${line#*=}
    case $key in
      version) [ "$config_first" = no ] || { bare "\${value%%#*}"; config_version=$bare; } ;;
      imports)
        [ "$config_first" = yes ] || continue
        while :; do
          case $value in *']'*) break ;; esac
          IFS= read -r line || break
          value="$value $line"
        done
        import_names "$value"
        ;;
      plugins.io.containerd.grpc.v1.cri.registry.config_path | plugins.io.containerd.cri.v1.images.registry.config_path)
        value=\${value#"\${value%%[!$blanks]*}"}
        case $value in
          '"'*) value=\${value#?} value=\${value%%'"'*} ;;
          "'"*) value=\${value#?} value=\${value%%"'"*} ;;
        esac
        found=$value
        ;;
    esac
  done <"$root$at"
  [ "$plugin" = no ] && return 0
  if [ -n "$found" ]; then
    config_path=$found
  else
    # containerd 1 takes a plugin's settings from the last file that has any, and from no other.
    case $containerd_version in 1.*) config_path= ;; esac
  fi
}

import_names() {
  local IFS
  IFS="\\"'"
  set -f
  for value in $1; do
    case $value in
      *.toml* | *'*'*) config_imports="$config_imports $value" ;;
    esac
  done
  set +f
}
`;
