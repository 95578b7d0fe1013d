/** Changes of files that are not ours: only where a setting asks for it, and taken back later. */
export const changes = `
sum_of() {
  local line
  line=$(sha256sum <"$1" 2>/dev/null)
  printf '%s' "\${line%% *}"
}

# Makes the node's file PATH say TEXT, and keeps what it was under NAME.
change_file() {
  local name target new
  name=$2
  follow "$1" && make_folders "\${state#"$root"}" || { problem unwritable "$1"; return 1; }
  target=$root$at new=$root$at.berth-new
  if [ ! -f "$state/$name.path" ]; then
    rm -f "$state/$name.before"
    if [ -e "$target" ] && ! cp -p "$target" "$state/$name.before" 2>/dev/null; then
      rm -f "$state/$name.before"
      problem unwritable "$state/$name.before"
      return 1
    fi
  fi
  rm -f "$new"
  if make_folders "\${at%/*}" &&
    { [ ! -e "$target" ] || cp -p "$target" "$new"; } 2>/dev/null &&
    { printf '%s\\n' "$3" >"$new" && [ -s "$new" ]; } 2>/dev/null &&
    { [ -z "$made" ] || put_text "$made" "$state/$name.made"; } &&
    put_text "$at" "$state/$name.path" &&
    put_text "$(sum_of "$new")" "$state/$name.sum" &&
    mv -f "$new" "$target" 2>/dev/null; then
    return 0
  fi
  rm -f "$new"
  problem unwritable "$1"
  return 1
}

# Gives back what change_file changed, unless somebody changed it since: nothing is to be done where
# it does not hold WORD any more.
restore_file() {
  local name path new
  name=$1 path=
  [ -f "$state/$name.path" ] || return 0
  read -r path <"$state/$name.path"
  if [ "$(sum_of "$root$path")" != "$(cat "$state/$name.sum" 2>/dev/null)" ]; then
    case $(cat "$root$path" 2>/dev/null) in
      *"$2"*) problem changed "$path" ;;
      *) forget_file "$name" ;;
    esac
    return 1
  fi
  if [ -f "$state/$name.before" ]; then
    new=$root$path.berth-new
    { cp -p "$state/$name.before" "$new" && mv -f "$new" "$root$path"; } 2>/dev/null || {
      rm -f "$new"
      problem unwritable "$path"
      return 1
    }
  else
    rm -f "$root$path"
    for path in $(cat "$state/$name.made" 2>/dev/null); do
      rmdir "$root$path" 2>/dev/null || break
    done
  fi
  forget_file "$name"
}

forget_file() {
  rm -f "$state/$1.path" "$state/$1.sum" "$state/$1.before" "$state/$1.made" "$state/$1.waits"
}

# Restarts the first of the units that runs; fails where there is no systemd to do it.
restart_unit() {
  local unit
  [ -d "$root/run/systemd/system" ] || return 1
  for unit in "$@"; do
    on_node systemctl --quiet is-active "$unit" >/dev/null 2>&1 || continue
    on_node systemctl restart "$unit" >/dev/null 2>&1
    return
  done
  return 1
}

# Whether a process has not started anew since NAME's file was changed.
still_waits() {
  [ -f "$state/$1.waits" ] || return 1
  [ -n "$2" ] && [ "$(cat "$state/$1.waits")" = "$2 $(started_of "$2")" ] && return 0
  rm -f "$state/$1.waits"
  return 1
}

# Sets config_path in the file that says what containerd's plugin of images is to do.
write_config_path() {
  local target plugin section line trimmed inside text placed binary
  [ "$config_legacy" = no ] || { problem legacy "$containerd_file"; return 1; }
  case $distribution in k3s | rke2) problem generated "$containerd_file"; return 1 ;; esac
  target=\${config_owner:-$containerd_file} text= inside=no placed=no section=
  case $config_version in
    3) plugin=io.containerd.cri.v1.images ;;
    2) plugin=io.containerd.grpc.v1.cri ;;
    *)
      follow "$containerd_file"
      if [ -s "$root$at" ]; then problem config-version "$containerd_file"; return 1; fi
      case $containerd_version in
        1.*) plugin=io.containerd.grpc.v1.cri text="version = 2$nl" ;;
        2.*) plugin=io.containerd.cri.v1.images text="version = 3$nl" ;;
        *) problem config-version "$containerd_file"; return 1 ;;
      esac
      ;;
  esac
  follow "$target"
  if [ -f "$root$at" ]; then
    while IFS= read -r line || [ -n "$line" ]; do
      trimmed=\${line#"\${line%%[!$blanks]*}"}
      case $trimmed in
        '['*)
          trimmed=\${trimmed#[}
          bare "\${trimmed%%]*}"
          section=$bare inside=no
          if [ "$section" = "plugins.$plugin.registry" ]; then
            inside=yes placed=yes
            line="$line$nl  config_path = \\"/etc/containerd/certs.d\\""
          fi
          ;;
        config_path*=*) [ "$inside" = no ] || continue ;;
        registry*=*)
          [ "$section" != "plugins.$plugin" ] || { problem config-shape "$target"; return 1; }
          ;;
      esac
      text=$text$line$nl
    done <"$root$at"
  fi
  [ "$placed" = yes ] || text="$text$nl[plugins.\\"$plugin\\".registry]$nl  config_path = \\"/etc/containerd/certs.d\\""
  text=\${text%"$nl"}
  if [ "$target" = "$containerd_file" ] && ! accepted "$text"; then
    problem config-refused "$target"
    return 1
  fi
  change_file "$target" config-path "$text" || return 1
  config_path=/etc/containerd/certs.d
  put_text "$containerd $(started_of "$containerd")" "$state/config-path.waits"
  restart_unit containerd && detect
}

# Whether the node's own containerd can read such a configuration; yes, where it cannot be asked.
accepted() {
  local trial result
  trial=$state/config-trial.toml
  make_folders "\${state#"$root"}" && put_text "$1" "$trial" || return 1
  on_node "$containerd_binary" --config "\${trial#"$root"}" config dump >/dev/null 2>&1 </dev/null
  result=$?
  rm -f "$trial"
  [ "$result" -eq 0 ] || [ "$result" -ge 125 ]
}
`;
