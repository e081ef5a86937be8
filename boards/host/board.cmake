# What firmware/CMakeLists.txt needs to know about the board that is your computer.
set(BOARD_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/board.c
  ${CMAKE_CURRENT_LIST_DIR}/fault.c
  ${CMAKE_CURRENT_LIST_DIR}/flash.c
  ${CMAKE_CURRENT_LIST_DIR}/options.c
  ${CMAKE_CURRENT_LIST_DIR}/radio.c
  ${CMAKE_CURRENT_LIST_DIR}/reset.c
  ${CMAKE_CURRENT_LIST_DIR}/uart.c
  ${CMAKE_CURRENT_LIST_DIR}/../common/chip_lines.c
  ${CMAKE_CURRENT_LIST_DIR}/../common/chip_radio.c
  ${CMAKE_CURRENT_LIST_DIR}/../common/flash_list.c
  ${CMAKE_CURRENT_LIST_DIR}/../common/synthetic_sensor.c)
set(BOARD_INCLUDE_DIRECTORIES ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_CURRENT_LIST_DIR}/../common)
set(BOARD_COMPILE_DEFINITIONS _GNU_SOURCE)
set(BOARD_LINK_LIBRARIES pthread)
