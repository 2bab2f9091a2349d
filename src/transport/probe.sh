# Runs a probe's body so that it can neither write nor outlive us.
# Set before: hac_limit (seconds), hac_guarded (yes, or empty: then it may write),
# hac_body (a function that prints the body).
# Descriptor 3 ends when the client or the connection does.
# shellcheck shell=sh disable=SC2016,SC2154
hac_inner='
writable() { # prints the mount points whose topmost mount is writable
  awk "{ last[\$5] = \$6 } END { for (p in last) if (last[p] !~ /^ro(,|\$)/) print p }" /proc/self/mountinfo
}
one_by_one() { # util-linux before 2.39 without perl
  for point in $(awk "{ print \$5 }" /proc/self/mountinfo); do
    mount -o remount,bind,ro "$(printf "%b" "$(printf %s "$point" | sed "s/\\\\\\([0-7][0-7]*\\)/\\\\0\\1/g")")"
  done
}
protect() {
  # Never the namespace of the host itself.
  { [ -e "/proc/$1/ns/mnt" ] && [ ! "/proc/$1/ns/mnt" -ef /proc/self/ns/mnt ]; } ||
    { why="no private namespace"; return 1; }
  # mount_setattr(2), number 442 everywhere: AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY.
  perl -e "\$p = q(/); \$a = pack(q(Q4), 1, 0, 0, 0); exit(syscall(442, -100, \$p, 0x8000, \$a, 32) != 0)" ||
    mount -o remount,bind,ro=recursive /
  why=$(writable) || why="no awk"
  [ -z "$why" ] || { one_by_one; why=$(writable); }
  [ -z "$why" ] || { why="still writable: $(echo $why)"; return 1; }
}
if [ -n "$1" ] && protect "$1" 2>/dev/null
then echo "hacluster-probe read-only"
else echo "hacluster-probe unprotected ${why:-$2}"
fi
unset -f writable one_by_one protect
hac=$(cat)
exec </dev/null
set --
eval "unset hac why; $hac"'

hac_namespace='' hac_why='' # the process whose namespace is the host's
if [ -z "$hac_guarded" ]; then
  hac_why='not asked for'
elif [ "$(id -u)" != 0 ]; then
  hac_why='not root'
elif ! unshare -m true 2>/dev/null; then
  hac_why='unshare -m is not permitted'
else
  hac_namespace=$$
fi

hac_body | timeout -k 2 "$hac_limit" ${hac_namespace:+unshare -m} \
  sh -c "$hac_inner" sh "$hac_namespace" "$hac_why" 3<&- &
hac_pid=$!
{ cat <&3; kill "$hac_pid"; } >/dev/null 2>&1 &
hac_watch=$!
exec 3<&-
wait "$hac_pid"
hac_status=$?
kill "$hac_watch" 2>/dev/null
exit "$hac_status"
