# What firmware/CMakeLists.txt and boards/common/selftest/CMakeLists.txt need to know about this board.
set(BOARD_DIRECTORY "${CMAKE_CURRENT_LIST_DIR}")
set(MPS_MACHINE mps3-an547)
include("${CMAKE_CURRENT_LIST_DIR}/../common/mps/mps.cmake")

# With vector instructions GCC 12 gives each recursion of the interpreter 2.7 KB of stack.
if(DEFINED OBSCURA_INTERPRETER)
  set_property(SOURCE "${OBSCURA_INTERPRETER}" APPEND PROPERTY COMPILE_OPTIONS -mcpu=cortex-m55+nomve)
endif()
