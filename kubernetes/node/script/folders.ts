/** Folders of ours: each bears a mark, and what has none is somebody else's. */
export const folders = `
# Lays NAMES of FILES down in the registry's own folder below PARENT.
lay_folder() {
  local parent folder name shadow mark
  if ! follow "$1"; then
    problem link "$1"
    return 1
  fi
  parent=$at folder=$root$at/$registry
  shift
  case $registry in
    *:*)
      # containerd looks there first.
      shadow=$root$parent/\${registry%:*}_\${registry##*:}_
      [ ! -d "$shadow" ] || { problem foreign "\${shadow#"$root"}"; return 1; }
      ;;
  esac
  made=
  if [ -L "$folder" ] || { [ -e "$folder" ] && [ ! -d "$folder" ]; }; then
    problem foreign "\${folder#"$root"}"
    return 1
  fi
  if [ -d "$folder" ] && [ ! -f "$folder/.berth" ] && ! rmdir "$folder" 2>/dev/null; then
    serves "$folder" "$@" || problem foreign "\${folder#"$root"}"
    return 0
  fi
  if [ ! -d "$folder" ]; then
    if ! make_folders "$parent" || ! mkdir "$folder" 2>/dev/null; then
      problem unwritable "\${folder#"$root"}"
      return 1
    fi
    mark="Berth's own: changes are overwritten, and the folder goes when the cluster is disconnected.
made $made"
    put_text "$mark" "$folder/.berth" || { rmdir "$folder" 2>/dev/null; return 1; }
  fi
  ours="$ours \${folder#"$root"}"
  wrote=
  for name in "$@"; do
    put "$files/$name" "$folder/$name" || return 1
  done
  for name in ca.crt hosts.toml; do
    case " $* " in
      *" $name "*) ;;
      *) [ ! -f "$folder/$name" ] || { rm -f "$folder/$name" && wrote=yes; } ;;
    esac
  done
  # The mark is the newest: what is newer than it was changed by others.
  [ -z "$wrote" ] || touch "$folder/.berth"
  laid="$laid \${folder#"$root"}"
}

# Whether somebody else's folder does as well as ours would.
serves() {
  local folder name
  folder=$1
  shift
  [ -z "$addresses" ] || return 1
  for name in "$@"; do
    case $name in
      ca.crt) same "$files/$name" "$folder/$name" || return 1 ;;
    esac
  done
  kept="$kept \${folder#"$root"}"
}

# Whether what was laid down still lies there: asks the kernel, runs nothing.
lies() {
  local folder name
  for folder in $laid; do
    [ -f "$root$folder/.berth" ] || return 1
    for name in ca.crt hosts.toml; do
      [ ! "$root$folder/$name" -nt "$root$folder/.berth" ] || return 1
    done
    [ "$has_authorities" = no ] || [ -f "$root$folder/ca.crt" ] || return 1
  done
  return 0
}

# Takes the folder at PATH away, if it is ours.
remove_folder() {
  local folder made line
  folder=$root$1
  [ -f "$folder/.berth" ] && [ ! -L "$folder" ] || return 0
  made=
  while read -r line; do
    case $line in 'made '*) made=\${line#made } ;; esac
  done <"$folder/.berth"
  if ! rm -f "$folder/ca.crt" "$folder/hosts.toml" "$folder"/.berth-* "$folder/.berth" 2>/dev/null; then
    problem unwritable "$1"
    return 1
  fi
  rmdir "$folder" 2>/dev/null || { problem kept "$1"; return 0; }
  for line in $made; do
    rmdir "$root$line" 2>/dev/null || break
  done
}

# Writes down which folders are ours, and takes away those that once were and are wanted no more;
# not while there is a problem, which may be what keeps the right one from being known.
remember() {
  local folder was
  was=
  [ ! -f "$state/folders" ] || was=$(cat "$state/folders" 2>/dev/null)
  for folder in $was; do
    case " $ours " in
      *" $folder "*) ;;
      *)
        if [ "$mode" = lay ] && [ -n "$problems" ]; then
          ours="$ours $folder"
        else
          remove_folder "$folder" || ours="$ours $folder"
        fi
        ;;
    esac
  done
  if [ -n "$ours" ]; then
    make_folders "\${state#"$root"}" && put_text "$ours" "$state/folders"
  else
    rm -f "$state/folders"
  fi
}
`;
