# What firmware/CMakeLists.txt and boards/common/selftest/CMakeLists.txt need to know about this board.
set(BOARD_DIRECTORY "${CMAKE_CURRENT_LIST_DIR}")
set(BOARD_COMMON "${CMAKE_CURRENT_LIST_DIR}/../common")

set(BOARD_SOURCES
  ${BOARD_DIRECTORY}/startup.c
  ${BOARD_DIRECTORY}/board.c
  ${BOARD_DIRECTORY}/clock.c
  ${BOARD_DIRECTORY}/console.c
  ${BOARD_DIRECTORY}/events.c
  ${BOARD_DIRECTORY}/fault.c
  ${BOARD_DIRECTORY}/flash.c
  ${BOARD_DIRECTORY}/memory.c
  ${BOARD_DIRECTORY}/radio.c
  ${BOARD_DIRECTORY}/random.c
  ${BOARD_DIRECTORY}/reset.c
  ${BOARD_DIRECTORY}/rom.c
  ${BOARD_DIRECTORY}/semihosting.c
  ${BOARD_DIRECTORY}/uart.c
  ${BOARD_DIRECTORY}/watchdog.c
  ${BOARD_COMMON}/aes_counter.c
  ${BOARD_COMMON}/chip_lines.c
  ${BOARD_COMMON}/flash_at_once.c
  ${BOARD_COMMON}/flash_list.c
  ${BOARD_COMMON}/hex.c
  ${BOARD_COMMON}/synthetic_sensor.c)

set(BOARD_INCLUDE_DIRECTORIES ${BOARD_DIRECTORY} ${BOARD_COMMON})

set(BOARD_LINK_OPTIONS
  -T${BOARD_DIRECTORY}/linker.ld
  -Wl,--gc-sections
  -Wl,--build-id=sha1
  -Wl,--print-memory-usage)
set(BOARD_LINK_DEPENDS ${BOARD_DIRECTORY}/linker.ld)
set(BOARD_LINK_LIBRARIES m)
set(BOARD_PRELOAD ${BOARD_DIRECTORY}/preload.sh)
