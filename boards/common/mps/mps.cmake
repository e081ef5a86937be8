# What is the same for the MPS boards. A board's board.cmake sets BOARD_DIRECTORY and MPS_MACHINE, the name of the
# machine that preload.sh starts, and includes this file.
set(MPS_DIRECTORY "${CMAKE_CURRENT_LIST_DIR}")
set(MPS_COMMON "${CMAKE_CURRENT_LIST_DIR}/..")

set(BOARD_SOURCES
  ${BOARD_DIRECTORY}/clock.c
  ${BOARD_DIRECTORY}/protection.c
  ${BOARD_DIRECTORY}/vectors.c
  ${MPS_DIRECTORY}/alarm.c
  ${MPS_DIRECTORY}/board.c
  ${MPS_DIRECTORY}/console.c
  ${MPS_DIRECTORY}/events.c
  ${MPS_DIRECTORY}/fault.c
  ${MPS_DIRECTORY}/flash.c
  ${MPS_DIRECTORY}/memory.c
  ${MPS_DIRECTORY}/radio.c
  ${MPS_DIRECTORY}/random.c
  ${MPS_DIRECTORY}/reset.c
  ${MPS_DIRECTORY}/rom.c
  ${MPS_DIRECTORY}/semihosting.c
  ${MPS_DIRECTORY}/startup.c
  ${MPS_DIRECTORY}/uart.c
  ${MPS_DIRECTORY}/wake.c
  ${MPS_DIRECTORY}/watchdog.c
  ${MPS_COMMON}/aes_counter.c
  ${MPS_COMMON}/chip_lines.c
  ${MPS_COMMON}/chip_radio.c
  ${MPS_COMMON}/flash_at_once.c
  ${MPS_COMMON}/flash_list.c
  ${MPS_COMMON}/hex.c
  ${MPS_COMMON}/synthetic_sensor.c)

set(BOARD_INCLUDE_DIRECTORIES ${BOARD_DIRECTORY} ${MPS_DIRECTORY} ${MPS_COMMON})
set(BOARD_LINK_OPTIONS -T${BOARD_DIRECTORY}/linker.ld -Wl,--gc-sections -Wl,--build-id=sha1
  -Wl,--print-memory-usage)
set(BOARD_LINK_DEPENDS ${BOARD_DIRECTORY}/linker.ld)
set(BOARD_LINK_LIBRARIES m)
set(BOARD_PRELOAD "${MPS_DIRECTORY}/preload.sh")
set(BOARD_PRELOAD_ARGUMENTS ${MPS_MACHINE})
set(BOARD_SELFTEST "${MPS_DIRECTORY}/selftest.c")
