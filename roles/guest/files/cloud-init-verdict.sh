# shellcheck shell=sh
# Runs in the guest as its user, by the login shell: waits for cloud-init and prints what it says, one marked line each.
# POSIX sh only; `cloud-init status --format json` is there since 22.4.
began=$(cut -d . -f 1 /proc/uptime)
if command -v cloud-init >/dev/null 2>&1; then
    cloud-init status --wait >/dev/null 2>&1
    printf 'burrow-status: %s\n' "$(cloud-init status --format json 2>/dev/null | tr -d '\n')"
else
    printf 'burrow-status: {"status": "absent"}\n'
fi
printf 'burrow-waited: %s\n' "$(($(cut -d . -f 1 /proc/uptime) - began))"
sudo -n tail -n 15 /var/log/cloud-init-output.log 2>/dev/null | sed 's/^/burrow-log: /'
exit 0
