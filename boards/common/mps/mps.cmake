# What the MPS boards share. A board includes this file, and adds its own sources.
set(MPS_DIRECTORY "${CMAKE_CURRENT_LIST_DIR}")
set(MPS_COMMON "${CMAKE_CURRENT_LIST_DIR}/..")

set(MPS_SOURCES
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
  ${MPS_COMMON}/flash_at_once.c
  ${MPS_COMMON}/flash_list.c
  ${MPS_COMMON}/hex.c
  ${MPS_COMMON}/synthetic_sensor.c)

set(MPS_INCLUDE_DIRECTORIES ${MPS_DIRECTORY} ${MPS_COMMON})
set(MPS_LINK_OPTIONS -Wl,--gc-sections -Wl,--build-id=sha1 -Wl,--print-memory-usage)
set(MPS_PRELOAD "${MPS_DIRECTORY}/preload.sh")
set(MPS_SELFTEST "${MPS_DIRECTORY}/selftest.c")
