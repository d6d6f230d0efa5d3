#!/bin/busybox sh
# The host's only program: a shell on the first serial line that says how each command ended. The second line is left
# to the VMM; it is kept open so that what is typed while no VMM listens waits there.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
for module in irqbypass kvm kvm-amd kvm-intel; do
	[ -e /modules/$module.ko ] && [ ! -e /dev/kvm ] && insmod /modules/$module.ko 2>/dev/null
done
stty -echo
stty -F "$terminal" raw -echo
exec 9<>"$terminal"
echo "host: ready"
while IFS= read -r line; do
	eval "$line"
	echo "host: status $?"
done
