/** What is done when, and what is said of it. */
export const loop = `
read_settings() {
  local key value
  revision= registry= script= mode=lay addresses= has_authorities=no authorities=none set_config_path=no provider=off
  [ -r "$files/settings" ] || return 1
  while read -r key value; do
    case $key in
      revision) revision=$value ;;
      registry) registry=$value ;;
      script) script=$value ;;
      mode) mode=$value ;;
      authorities) authorities=$value ;;
      addresses) addresses=$value ;;
      set-config-path) set_config_path=$value ;;
      provider) provider=$value ;;
    esac
  done <"$files/settings"
  [ "$authorities" = none ] || has_authorities=yes
  case $registry in '' | .* | *[!]A-Za-z0-9._:[-]*) return 1 ;; esac
  [ -n "$revision" ]
}

lay() {
  laid= ours= kept= problems=
  if [ "$has_authorities" = yes ] || [ -n "$addresses" ]; then
    lay_trust
  fi
  remember
}

find_config_path() {
  if [ "$set_config_path" = yes ]; then
    write_config_path
  elif [ "$config_legacy" = yes ]; then
    problem legacy "$containerd_file"
  else
    problem config-path "$containerd_file"
  fi
}

lay_trust() {
  local certificate hosts
  certificate= hosts=hosts.toml
  [ "$has_authorities" = no ] || certificate=ca.crt
  if [ -n "$containerd_file" ]; then
    if [ "$config_path" = '?' ]; then
      problem config-path "$containerd_file"
    else
      [ "$has_config_path" = yes ] || find_config_path
      lay_folder "\${config_path:-/etc/containerd/certs.d}" $certificate $hosts
      ! still_waits config-path "$containerd" || problem restart containerd
    fi
  fi
  [ -n "$certificate" ] || return 0
  if [ "$dockerd" = yes ] || [ -d "$root/etc/docker" ]; then
    lay_folder /etc/docker/certs.d $certificate
  fi
  if [ "$crio" = yes ] || [ -d "$root/etc/containers" ]; then
    lay_folder /etc/containers/certs.d $certificate
  fi
}

remove() {
  laid= ours= kept= problems=
  restore_file config-path config_path
  remember
}

# Nothing of ours is left: neither is the folder that tells of it.
finish() {
  [ "$mode" != remove ] || rmdir "$state" 2>/dev/null
}

tell() {
  local line runtimes word problem
  runtimes=
  [ -z "$containerd_file" ] || runtimes="$runtimes containerd"
  [ "$dockerd" = no ] || runtimes="$runtimes docker"
  [ "$crio" = no ] || runtimes="$runtimes crio"
  line="{\\"berth\\":1,\\"revision\\":\\"$revision\\",\\"mode\\":\\"$mode\\",\\"authorities\\":\\"$authorities\\""
  line="$line,\\"distribution\\":\\"$distribution\\",\\"runtimes\\":\\"\${runtimes# }\\""
  for word in containerd_version containerd_file config_version config_path config_legacy config_owner provider_bin provider_config provider_state provider_sum provider_existing; do
    eval "plain \\"\\$$word\\""
    line="$line,\\"$word\\":\\"$plain\\""
  done
  plain=
  list laid $laid
  list kept $kept
  list problems $problems
  list provider_problems $provider_problems
  line="$line}"
  [ "$line" = "$told" ] || printf '%s\\n' "$line"
  told=$line
}

# A field of the line that is a list.
list() {
  local comma
  line="$line,\\"$1\\":["
  comma=
  shift
  for word in "$@"; do
    plain "$word"
    line="$line$comma\\"$plain\\""
    comma=,
  done
  line="$line]"
}

# A stop comes between two steps, never within one.
stopping=no
trap 'stopping=yes' TERM INT

told= seen= running= asked= kubelet_asked= containerd_was= containerd_version= containerd_binary=containerd provider_bin= provider_config= count=0 every=30 problems= provider_problems= laid= kept=
while [ "$stopping" = no ]; do
  if read_settings; then
    # A script that changed takes over where this one is.
    [ -z "$running" ] || [ "$running" = "$script" ] || exec /bin/sh "$0" "$files" "$root" "$proc"
    running=$script
    if [ "$revision" != "$seen" ] || [ "$count" -ge "$every" ] || ! lies; then
      count=0
      detect
      if [ "$mode" = remove ]; then remove; else lay; fi
      trust_problems=$problems problems=
      settle_provider
      provider_problems=$problems problems=$trust_problems
      finish
      seen=$revision every=30
      [ -z "$problems$provider_problems" ] || every=5
      # A kubelet that is to start anew is not there yet.
      [ "$provider" != configure ] || [ "$provider_state" = active ] || every=5
      [ "$provider_state" != inert ] || every=5
      tell
    fi
  fi
  [ -z "$once" ] || exit 0
  count=$((count + 1))
  [ "$stopping" = no ] || break
  sleep 2 &
  wait $!
done
kill $! 2>/dev/null
`;
