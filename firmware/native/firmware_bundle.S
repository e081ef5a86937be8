/* The firmware bundle (FIRMWARE_BUNDLE of the build), linked into the image and run in place. */
    .section .rodata.obscura_firmware_bundle, "a"
    .balign 8
    .global obscura_firmware_bundle
    .global obscura_firmware_bundle_end
obscura_firmware_bundle:
    .incbin FIRMWARE_BUNDLE
obscura_firmware_bundle_end:
    .byte 0
#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
