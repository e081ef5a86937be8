# What firmware/CMakeLists.txt and boards/common/selftest/CMakeLists.txt need to know about this board.
set(BOARD_DIRECTORY "${CMAKE_CURRENT_LIST_DIR}")
include("${CMAKE_CURRENT_LIST_DIR}/../common/mps/mps.cmake")

set(BOARD_SOURCES
  ${BOARD_DIRECTORY}/clock.c
  ${BOARD_DIRECTORY}/protection.c
  ${BOARD_DIRECTORY}/vectors.c
  ${MPS_SOURCES})

set(BOARD_INCLUDE_DIRECTORIES ${BOARD_DIRECTORY} ${MPS_INCLUDE_DIRECTORIES})
set(BOARD_LINK_OPTIONS -T${BOARD_DIRECTORY}/linker.ld ${MPS_LINK_OPTIONS})
set(BOARD_LINK_DEPENDS ${BOARD_DIRECTORY}/linker.ld)
set(BOARD_LINK_LIBRARIES m)
set(BOARD_PRELOAD "${MPS_PRELOAD}")
set(BOARD_PRELOAD_ARGUMENTS mps3-an547)
set(BOARD_SELFTEST "${MPS_SELFTEST}")

# With vector instructions GCC 12 gives each recursion of the interpreter 2.7 KB of stack.
if(DEFINED OBSCURA_INTERPRETER)
  set_property(SOURCE "${OBSCURA_INTERPRETER}" APPEND PROPERTY COMPILE_OPTIONS -mcpu=cortex-m55+nomve)
endif()
