#!/bin/sh
# Puts the preloaded machine (firmware/native/rom.c) into a linked image: runs it in QEMU, which writes the machine to a
# file, makes that file the image's section .rom, and takes out section .leaves, which was only there to make it. The
# image as it was linked stays beside it, as IMAGE.linked.
# usage: preload.sh MACHINE IMAGE, the machine as QEMU calls it
set -eu
machine=$1
cd "$(dirname "$2")"
image=$(basename "$2")
dump=$image.rom
log=$image.preload.log
fail() {
  cat "$log" >&2 || true
  # A half-made image must not look like a finished one.
  rm -f "$image" "$dump"
  echo "preload.sh: $1" >&2
  exit 1
}
rm -f "$dump"
timeout 60 qemu-system-arm -M "$machine" -display none -monitor none -parallel none -no-reboot -icount shift=0 \
  -serial stdio -kernel "$image" -semihosting-config "enable=on,target=native,arg=obscura,arg=preload=$dump" \
  >"$log" 2>&1 </dev/null || fail "the image could not be preloaded in QEMU"
[ -s "$dump" ] || fail "the image restarted instead of saving its machine"
arm-none-eabi-objcopy --update-section ".rom=$dump" --remove-section .leaves "$image" "$image.preloaded" ||
  fail "objcopy failed"
mv "$image" "$image.linked"
mv "$image.preloaded" "$image"
