# What firmware/CMakeLists.txt and boards/common/selftest/CMakeLists.txt need to know about this board.
set(BOARD_DIRECTORY "${CMAKE_CURRENT_LIST_DIR}")
set(MPS_MACHINE mps2-an500)
include("${CMAKE_CURRENT_LIST_DIR}/../common/mps/mps.cmake")
