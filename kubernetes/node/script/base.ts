/** Words that the other parts use. No part runs a program that a small system might lack. */
export const base = `#!/bin/sh
# Laid down and run by Berth: node.sh FILES NODE PROC [once]
# Lays the files of FILES down below NODE, in folders of our own, and tells what it found.
LC_ALL=C
export LC_ALL
PATH=\${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
unset IFS
umask 022
files=$1 root=$2 proc=$3 once=\${4:-}
blanks=' 	'
nl='
'
state=$root/var/lib/berth-node

# Words of what is wrong, for the one line that tells it: CODE=PATH.
problem() {
  case " $problems " in *" $1=$2 "*) ;; *) problems="$problems $1=$2" ;; esac
}

# Plain words only, so that nothing a node holds can break the line.
plain() {
  case $1 in
    *[!A-Za-z0-9._/:@+=,~*-]*) plain='?' ;;
    *) plain=$1 ;;
  esac
}

# Runs a program of the node, where the node has its root.
on_node() {
  SYSTEMD_IGNORE_CHROOT=1 chroot "$root" "$@"
}

# at: where PATH of the node leads, every link followed as the node itself would.
follow() {
  local rest part target count
  rest=$1 at= count=0
  while [ -n "$rest" ]; do
    case $rest in
      */*) part=\${rest%%/*} rest=\${rest#*/} ;;
      *) part=$rest rest= ;;
    esac
    case $part in
      '' | .) ;;
      ..) at=\${at%/*} ;;
      *)
        if [ -L "$root$at/$part" ]; then
          count=$((count + 1))
          [ "$count" -le 20 ] || return 1
          target=$(readlink "$root$at/$part") || return 1
          case $target in /*) at= ;; esac
          rest=$target/$rest
        else
          at=$at/$part
        fi
        ;;
    esac
  done
}

same() {
  [ -f "$2" ] && [ ! -L "$2" ] && [ "$(cat "$1" 2>/dev/null && echo .)" = "$(cat "$2" 2>/dev/null && echo .)" ]
}

# Makes the file TO what FROM is, by write and rename, in a folder of ours.
put() {
  local new
  same "$1" "$2" && return 0
  new=\${2%/*}/.berth-$$
  rm -f "$new"
  if [ -d "$2" ] && [ ! -L "$2" ]; then
    problem foreign "\${2#"$root"}"
    return 1
  fi
  [ ! -L "$2" ] || rm -f "$2"
  if { (set -C && cat "$1" >"$new") && chmod "\${3:-644}" "$new" && mv -f "$new" "$2"; } 2>/dev/null; then
    wrote=yes
    return 0
  fi
  rm -f "$new" 2>/dev/null
  problem unwritable "\${2#"$root"}"
  return 1
}

# The same for a text.
put_text() {
  local new
  [ -f "$2" ] && [ ! -L "$2" ] && [ "$(cat "$2" 2>/dev/null)" = "$1" ] && return 0
  new=\${2%/*}/.berth-$$
  rm -f "$new"
  if { (set -C && printf '%s\\n' "$1" >"$new") && mv -f "$new" "$2"; } 2>/dev/null; then
    return 0
  fi
  rm -f "$new" 2>/dev/null
  problem unwritable "\${2#"$root"}"
  return 1
}

# Makes folders down to PATH; made: those that were not there, the deepest first.
make_folders() {
  local path rest
  path= rest=\${1#/} made=
  while [ -n "$rest" ]; do
    case $rest in
      */*) path=$path/\${rest%%/*} rest=\${rest#*/} ;;
      *) path=$path/$rest rest= ;;
    esac
    [ -d "$root$path" ] && continue
    mkdir "$root$path" 2>/dev/null || [ -d "$root$path" ] || return 1
    made="$path $made"
  done
}
`;
