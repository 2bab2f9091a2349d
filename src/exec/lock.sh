# Holds the lock of this host until no beat came for hac_silence seconds or the
# input ended. Prints perhaps `at RUNNING`, then `busy SECONDS WHO`; or perhaps
# `waits RUNNING`, then `held COUNTER`. Nothing is decided by a clock that can be set.
# Set before: hac_who, hac_silence.
# shellcheck shell=sh disable=SC2154
umask 077
(umask 022; mkdir -p /run/hacluster /var/lib/hacluster)
cd /run/hacluster || exit 1
exec 8>>lock 7>>step.lock
if ! flock -n 8; then
  hac_now=$(date +%s)
  hac_since=$(stat -c %Y holder 2>/dev/null) || hac_since=$hac_now
  sed -n '2s/^/at /p' running 2>/dev/null
  printf 'busy %s %s\n' "$((hac_now - hac_since))" "$(cut -d' ' -f2- holder 2>/dev/null)"
  exit 0
fi
printf '%s %s\n' $$ "$hac_who" >holder

# What a run that was cut did not confirm goes back now, not under the next one.
# What was read before counts no more, which a counter that is two higher tells.
hac_unconfirmed() {
  hac_guard=/var/lib/hacluster/undo/.guard
  [ -e "$hac_guard/armed" ] || return 1
  flock -u 7
  timeout 20 sh "$hac_guard/revert.sh" "$(cat "$hac_guard/armed")" </dev/null >/dev/null 2>&1
  flock 7
}

# The counter goes up: what an older holder still sends does nothing any more.
# The output of the batch that was waited for stays until the next run.
hac_take() {
  for hac_out in hacluster-*.out; do
    [ "$hac_out" = "$1.out" ] || rm -f "$hac_out"
  done
  rm -f running
  hac_n=0
  [ ! -s /var/lib/hacluster/fence ] || read -r hac_n </var/lib/hacluster/fence
  case $hac_n in *[!0-9]*) hac_n=0 ;; esac
  hac_n=$((hac_n + 1))
  hac_unconfirmed && hac_n=$((hac_n + 1))
  printf '%s\n' "$hac_n" >/var/lib/hacluster/fence.new
  mv -f /var/lib/hacluster/fence.new /var/lib/hacluster/fence
  printf 'held %s\n' "$hac_n"
}

if flock -n 7; then
  hac_take ''
else
  # Somebody vanished and left a batch behind, which ends what it began.
  hac_unit='' hac_what=''
  { read -r hac_unit && read -r hac_what; } <running
  printf 'waits %s\n' "$hac_what"
  { exec 8>&-; flock 7; hac_take "$hac_unit"; } </dev/null &
  hac_waiter=$!
fi
exec 7>&-
while [ -n "$(timeout "$hac_silence" dd bs=4096 count=1 2>/dev/null)" ]; do :; done
rm -f holder
[ -z "${hac_waiter:-}" ] || kill "$hac_waiter" 2>/dev/null
exit 0
