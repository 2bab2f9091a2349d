# What packages would bring: the five units of the work, off. Run on a host.
# shellcheck shell=sh
set -eu
for n in 1 2 3 4 5; do
    cat >/usr/lib/systemd/system/bench-$n.service <<END
[Unit]
Description=service $n of the benchmark
[Service]
Type=exec
ExecStart=/usr/bin/sleep infinity
[Install]
WantedBy=multi-user.target
END
done
systemctl daemon-reload
