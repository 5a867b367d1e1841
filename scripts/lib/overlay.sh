#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# overlay.sh - run a command in a private world: this machine's Debian with the packages of
# scripts/lib/packages, where nothing that is done reaches the machine or outlives the command.
#
#   overlay.sh [-b] [-n] [-p 'PACKAGE...'] COMMAND [ARG...]      COMMAND's directory is the clone
#
#   -b   share the clone's build/ (all else in the clone is written to memory only)
#   -n   keep the machine's network; without it there is only an own "lo"
#   -p   these packages too
#
# Mount, pid, uts, ipc, cgroup and network namespaces of its own; overlays that write to a bounded
# tmpfs; no capability to set the clock, load modules or touch ports. Missing packages are installed
# into the overlay, with the machine's network, before COMMAND. When this process dies, however,
# all in the world dies.
# status: that of COMMAND; 77 when this machine can't, 1 when packages can't be installed.
set -eu
self=$(realpath "$0")
lib=${self%/*}
. "$lib/root.sh"

path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
world=/sys		# where the world is put together: a mount point that each machine has
dropped=-sys_time,-sys_module,-sys_rawio,-sys_boot,-syslog

say() {
	echo "== $*" >&2
}

# --- on the machine ----------------------------------------------------------------------------

check_machine() {
	local ID='' VERSION_ID=''
	[ "$(uname -s)" = Linux ] || root_fail "needs Linux"
	[ "$(id -u)" = 0 ] || root_fail "only root can make namespaces and overlays: try sudo"
	[ ! -e /etc/os-release ] || . /etc/os-release
	[ -x /usr/bin/apt-get ] || root_fail "needs Debian 12 (this is ${ID:-an unknown system}: no apt-get)"
	[ "$ID:$VERSION_ID" = debian:12 ] || echo "${0##*/}: made for Debian 12, this is ${ID:-unknown} $VERSION_ID" >&2
	unshare --mount --pid --fork --propagation unchanged true 2>/dev/null ||
		root_fail "can't make namespaces here (in a container it needs CAP_SYS_ADMIN)"
}

share_build() {
	if [ ! -w "$clone" ]; then
		say "$clone is read-only: build/ does not stay"
		build=0
		return
	fi
	if [ ! -d "$clone/build" ]; then
		mkdir "$clone/build"
		chown --reference="$clone" "$clone/build"
	fi
	exec 8<"$clone/build"
	flock -n 8 || root_fail "another run uses $clone/build"
}

outside() {
	local name=cardmfa-$$ worker rc=0
	check_machine
	[ $build = 0 ] || share_build
	exec 9> >(exec setsid "$lib/cgroup" guard $name 8>&- >/dev/null)
	guard=$!
	trap 'end_world' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	setpriv --pdeathsig KILL "$lib/cgroup" enter $name \
		unshare --mount --uts --ipc --pid --cgroup --fork --kill-child --propagation unchanged \
		"$self" inside "$clone" $build $network "$more" "$@" <&0 8>&- 9>&- &
	worker=$!
	wait $worker || rc=$?
	worker=
	exit $rc
}

end_world() {
	local rc=$?
	trap '' INT TERM HUP
	if [ -n "$worker" ]; then
		disown "$worker"
		kill -KILL "$worker" 2>/dev/null
	fi
	exec 9>&-
	wait "$guard" 2>/dev/null
	[ $build = 0 ] || [ -O "$clone" ] || chown -R --reference="$clone" "$clone/build"
	exit $rc
}

# --- inside: packages ------------------------------------------------------------------------------

listed() {
	sed -n "/^#/d; $1" "$lib/packages" | sort
}

missing_packages() {
	comm -23 <({ listed '/^unpack /!p'; tr ' ' '\n' <<<"$more"; } | sed '/^$/d' | sort -u) \
		<(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u)
}

# In the root under construction, with the machine's network but not its capabilities.
apt() {
	local directory=/
	[ "$1" != --chdir ] || { directory=$2; shift 2; }
	setpriv --bounding-set=$dropped --inh-caps=$dropped chroot $world/root env -i --chdir=$directory PATH=$path LANG=C.UTF-8 \
		HOME=/root DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_SUSPEND=1 \
		apt-get -y -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io \
		-o APT::Keep-Downloaded-Packages=false -o Acquire::Retries=2 -o Acquire::http::Timeout=30 \
		-o APT::Sandbox::User=root "$@" </dev/null
}

# Runs apt; with what the machine's package lists know, else after an update.
apt_fresh() {
	apt "$@" >>$world/apt.log 2>&1 && return
	if [ ! -e $world/updated ]; then
		: >$world/updated
		say "refreshing the package lists"
		apt update >>$world/apt.log 2>&1 || true
		apt "$@" >>$world/apt.log 2>&1 && return
	fi
	tail -n 20 $world/apt.log >&2
	echo "${0##*/}: packages can't be installed: is there a network and a Debian mirror in /etc/apt?" >&2
	exit 1
}

install_packages() {
	local wanted total
	mapfile -t wanted < <(missing_packages)
	total=${#wanted[@]}
	: >$world/apt.log
	[ "$total" -gt 0 ] || return 0
	say "$total packages are missing here; installing them in memory only"
	printf '   %s\n' "$(fmt -w 90 <<<"${wanted[*]}" | sed '2,$s/^/   /')" >&2
	printf '#!/bin/sh\nexit 101\n' >$world/root/usr/sbin/policy-rc.d
	chmod 755 $world/root/usr/sbin/policy-rc.d
	rm -f $world/root/var/lib/man-db/auto-update		# no index of manual pages
	tail -f -s 0.5 $world/apt.log --pid $$ | awk '
		/^Need to get|^After this operation/ { print "   " $0; fflush() }
		/^Setting up / { if (++n % 50 == 0) { print "   " n " packages set up"; fflush() } }' >&2 &
	apt_fresh install --no-install-recommends "${wanted[@]}"
	apt clean
	kill $!
	wait $! 2>/dev/null || true
}

# What must not be installed lies in /opt, where nobody looks for it who is not told to: under the first name of its line, and all
# packages of the line together.
unpack_packages() {
	local names name into
	listed 's/^unpack //p' | while read -ra names; do
		into=$world/root/opt/${names[0]#vsmartcard-}
		[ ! -d "$into" ] || continue
		mkdir -p "$into" $world/root/tmp/unpack
		for name in "${names[@]}"; do
			if dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed; then
				dpkg -L "$name" | sed 's,^/,./,' | tar -C / --no-recursion -cf - -T - | tar -C "$into" -xf -
				continue
			fi
			apt_fresh --chdir /tmp/unpack download "$name"
			dpkg -x $world/root/tmp/unpack/"$name"_*.deb "$into"
		done
	done
}

# --- inside: the world ---------------------------------------------------------------------------

packages_layer() {
	root_build $world $world/root $world/layer/packages
	root_api $world/root
	rm -f $world/root/etc/resolv.conf
	[ ! -e /etc/resolv.conf ] || cat /etc/resolv.conf >$world/root/etc/resolv.conf
	install_packages
	unpack_packages
	umount -n -R $world/root
	rm -f $world/layer/packages/0/up/usr/sbin/policy-rc.d
}

mount_clone() {
	local root=$1 source=$2
	mkdir -p $world/clone $world/up/clone/{up,work} "$root$source"
	root_base "$clone" $world/clone
	chmod --reference="$clone" $world/up/clone/up
	mount -t overlay -o lowerdir=$world/clone,upperdir=$world/up/clone/up,workdir=$world/up/clone/work \
		overlay "$root$source"
	[ $build = 0 ] || mount --bind "$clone/build" "$root$source/build"
}

inside() {
	clone=$1 build=$2 network=$3 more=$4
	shift 4
	local root=$world/root source=$clone n
	umask 022
	root_private
	[ ! -w /proc/self/loginuid ] || echo 4294967295 >/proc/self/loginuid
	root_prepare $world 70%
	packages_layer
	root_build $world $root $world/up/root $world/layer/packages
	root_api $root
	# autoconf accepts no other characters in the name of a source directory
	[[ $clone =~ ^[A-Za-z0-9_./+@%:=~-]+$ ]] || source=/usr/src/cardmfa
	mount_clone $root "$source"
	mkdir $root$ROOT_WORLD
	mount --bind $world $root$ROOT_WORLD
	while read -r n _; do
		root_base "$world/base/$n" "$root$ROOT_WORLD/base/$n"
	done <$world/bases
	root_enter $root /usr/bin/env -i PATH=$path HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" \
		GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' VPCD_DIR=/opt/vpcd \
		/bin/bash "$source/scripts/lib/overlay.sh" first "$source" "$network" "$@"
}

# PID 1 of the world: starts the command, reaps, and ends everything by ending.
first() {
	local source=$1 network=$2 rc=0 own=()
	shift 2
	cd "$source"
	[ "$network" = 1 ] || own=(unshare --net -- /bin/sh -c 'ip link set lo up; exec "$@"' sh)
	"${own[@]}" "$lib/confine.py" "$@" || rc=$?
	exit $rc
}

case ${1:-} in
inside | first)
	"$@"
	;;
*)
	clone=$(realpath "$lib/../..") build=0 network=0 more=''
	while getopts bnp: option; do
		case $option in
		b) build=1 ;;
		n) network=1 ;;
		p) more=$OPTARG ;;
		*) exit 64 ;;
		esac
	done
	shift $((OPTIND - 1))
	if [ -e $ROOT_WORLD/bases ]; then	# in a world already
		cd "$clone"
		exec "$@"
	fi
	outside "$@"
	;;
esac
