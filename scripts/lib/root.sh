# SPDX-License-Identifier: Apache-2.0
# root.sh - a private copy of this machine's root, made of overlays that write to memory only.
# Sourced by overlay.sh and tests/system/box. Everything here runs in a mount namespace of its own.
#
#   root_private                      our mounts reach nobody else
#   root_prepare T SIZE               a tmpfs on T: base/N (the machine's file systems, read-only),
#                                     bases (N<TAB>mount point)
#   root_build T ROOT UPPER LAYER...  overlays on ROOT: UPPER over the layers (top first) over base
#   root_api ROOT                     /proc /sys /dev /run /tmp of its own

ROOT_WORLD=/run/world		# where a private world keeps its bases and layers

# -n: mount keeps no notes in the machine's /run
mount() {
	command mount -n "$@"
}

root_fail() {
	echo "${0##*/}: $*" >&2
	exit 77
}

root_unescape() {
	printf '%b' "${1//\\/\\0}"
}

# In a chroot "/" is no mount point and can't be made private by that name. Entering our own mount
# namespace again leads to its real root, where it can.
root_private() {
	if mountpoint -q /; then
		mount --make-rprivate /
	else
		nsenter --mount=/proc/self/ns/mnt mount -n --make-rprivate /
	fi
}

# Mount points of further real file systems that belong to the system, parents first.
root_mounts() {
	local point type rest
	while read -r _ _ _ _ point rest; do
		type=${rest#* - }
		case ${type%% *} in
		autofs | bpf | cgroup* | configfs | debugfs | dev* | efivarfs | fuse* | hugetlbfs | mqueue | \
			proc | pstore | ramfs | rpc_pipefs | securityfs | sysfs | tracefs) continue ;;
		esac
		case $point in
		/usr | /usr/* | /etc | /etc/* | /opt | /home | /home/* | /root | /boot | /srv) ;;
		/var | /var/log | /var/cache | /var/lib | /var/lib/apt | /var/lib/dpkg | /var/tmp | /var/spool) ;;
		*) continue ;;
		esac
		root_unescape "$point"
		echo
	done </proc/self/mountinfo | sort -u
}

root_prepare() {
	local t=$1 size=$2 n=0 point
	mount -t tmpfs -o "size=$size,mode=755,nr_inodes=0" world "$t" || root_fail "can't mount a tmpfs"
	mkdir "$t"/{base,layer,up,root}
	if [ -e $ROOT_WORLD/bases ]; then
		cp $ROOT_WORLD/bases "$t/bases"
		while IFS=$'\t' read -r n point; do
			root_base "$ROOT_WORLD/base/$n" "$t/base/$n"
		done <"$t/bases"
		return
	fi
	printf '0\t/\n' >"$t/bases"
	root_base / "$t/base/0"
	while read -r point; do
		n=$((n + 1))
		if root_base "$point" "$t/base/$n"; then
			printf '%s\t%s\n' $n "$point" >>"$t/bases"
		fi
	done < <(root_mounts)
}

root_base() {
	if [ -d "$1" ]; then mkdir -p "$2"; else : >"$2"; fi
	mount --bind "$1" "$2" && mount -o remount,bind,ro "$2"
}

root_build() {
	local t=$1 root=$2 upper=$3 n point layer lower
	shift 3
	while IFS=$'\t' read -r n point; do
		if [ ! -d "$t/base/$n" ]; then	# a single file mounted there, as containers do
			cat "$t/base/$n" >"$root$point"
			continue
		fi
		lower=
		for layer; do
			[ ! -d "$layer/$n/up" ] || lower+=$layer/$n/up:
		done
		mkdir -p "$upper/$n/up" "$upper/$n/work"
		chmod --reference="$t/base/$n" "$upper/$n/up"
		mount -t overlay -o "lowerdir=$lower$t/base/$n,upperdir=$upper/$n/up,workdir=$upper/$n/work" \
			overlay "$root$point" && continue
		[ "$n" != 0 ] || root_fail "this kernel can't mount an overlay on $(findmnt -no FSTYPE / || echo /)"
		mount --bind "$t/base/$n" "$root$point"
	done <"$t/bases"
}

root_api() {
	local root=$1 name major minor
	mkdir -p "$root"/{proc,sys,dev,run,tmp}
	mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
	root_read_only "$root/proc/sys"
	[ ! -e "$root/proc/sysrq-trigger" ] || root_read_only "$root/proc/sysrq-trigger"
	mount -t sysfs -o nosuid,nodev,noexec,ro sysfs "$root/sys"
	[ ! -d "$root/sys/fs/cgroup" ] ||
		mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup" ||
		echo "${0##*/}: no cgroup2 on this kernel: boxes can't boot" >&2
	mount -t tmpfs -o nosuid,mode=755,size=4m dev "$root/dev"
	mkdir "$root"/dev/{pts,shm}
	while read -r name major minor; do
		mknod -m 666 "$root/dev/$name" c "$major" "$minor"
	done <<-END
		null 1 3
		zero 1 5
		full 1 7
		random 1 8
		urandom 1 9
		tty 5 0
	END
	mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
	ln -s pts/ptmx "$root/dev/ptmx"
	ln -s /proc/self/fd "$root/dev/fd"
	ln -s fd/0 "$root/dev/stdin"
	ln -s fd/1 "$root/dev/stdout"
	ln -s fd/2 "$root/dev/stderr"
	mount -t tmpfs -o nosuid,nodev,mode=1777,size=25% shm "$root/dev/shm"
	mount -t tmpfs -o nosuid,nodev,mode=755,size=25% run "$root/run"
	mount -t tmpfs -o nosuid,nodev,mode=1777,size=50% tmp "$root/tmp"
	mkdir -m 1777 "$root/run/lock"
}

root_read_only() {
	mount --bind "$1" "$1"
	mount -o remount,bind,ro,nosuid,nodev,noexec "$1"
}

# cd into the new root and make it "/". Inside a chroot pivot_root is refused; chroot serves there.
# $1: a program and its arguments follow.
root_enter() {
	local root=$1
	shift
	cd "$root" || exit
	mkdir -p .old
	if pivot_root . .old 2>/dev/null; then
		umount -n -l /.old
		rmdir /.old
		exec "$@"
	fi
	rmdir .old
	exec chroot . "$@"
}
