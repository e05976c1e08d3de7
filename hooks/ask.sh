# How every hook talks to the kernel: one request on its socket. Read by `.`, not run.
#   MEGAPOLOS_SOCKET  the kernel's socket, if it is not in the default data home
# shellcheck shell=sh

socket=${MEGAPOLOS_SOCKET:-/var/lib/megapolos/run/kernel.sock}

# ask SENDER PATH CURL-WORDS...: sends what the function SENDER prints, prints the answer on standard output and what
# went wrong on standard error. Its status is the exit code that the kernel sends after the answer, as a trailer;
# `answer` keeps the headers. Without a trailer the kernel died under us: 75, try again.
ask() {
  sender=$1
  path=$2
  shift 2
  exec 3>&1
  answer=$("$sender" | curl --silent --no-buffer --unix-socket "$socket" --dump-header /dev/fd/4 "$@" "http://kernel$path" 4>&1 >&3)
  curl_status=$?
  if told Megapolos-Exit; then
    code=${answer##*"$newline"Megapolos-Exit: }
    code=${code%%[!0-9]*}
    [ "$code" = 0 ] || printf '%s\n' "$answer" | sed -n 's/\r$//; s/^Megapolos-Error: //p' >&2
    return "$code"
  fi
  [ "$curl_status" != 7 ] || not_running
  return 75
}

newline='
'
# Whether the answer has this trailer. Only at the beginning of a line: what went wrong may quote anything.
told() {
  case $answer in *"$newline$1: "*) return 0 ;; esac
  return 1
}

not_running() {
  echo " !     The kernel of MegapolOS is not running; apps go on serving." >&2
  echo " !     On the server, as root: $(installer) start --home ${socket%/run/kernel.sock}" >&2
}

# Of the program that this hook belongs to.
installer() { echo "$(CDPATH='' cd -- "${0%/*}/.." && pwd)/install.sh"; }
