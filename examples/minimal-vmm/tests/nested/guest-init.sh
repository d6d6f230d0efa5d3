#!/bin/busybox sh
# The guest's only program: it counts, shows what is pressed on its keyboard, and answers what is typed on its console.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
[ -e /modules/evdev.ko ] && insmod /modules/evdev.ko
stty -echo
for device in /dev/input/event*; do
	# struct input_event: type, code and value are the last four of twelve halfwords.
	[ -e "$device" ] && hexdump -v -e '"event" 12/2 " %u" "\n"' <"$device" &
done
echo "guest: ready"
(
	count=0
	while :; do
		count=$((count + 1))
		echo "count $count"
		usleep 200000
	done
) &
while IFS= read -r line; do
	case "$line" in
	"run "*) eval "${line#run }" ;;
	*) echo "heard: $line" ;;
	esac
done
