# The flash areas of a board, from the list `flash` of its board.json.
#
#   obscura_add_flash_list(TARGET)
#
# reads board.json in BOARD_DIRECTORY and writes flash_areas.h, which port.h includes, into the build folder: FLASH_AREAS(AREA) is one
# AREA(IDENTIFIER, "name", size, erase unit, program unit) after the other. FLASH_AREA_<IDENTIFIER> is
# defined for each.
function(obscura_add_flash_list TARGET)
  set(BOARD_JSON "${BOARD_DIRECTORY}/board.json")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${BOARD_JSON}")
  file(READ "${BOARD_JSON}" JSON)
  string(JSON COUNT LENGTH "${JSON}" flash)
  math(EXPR LAST "${COUNT} - 1")
  set(AREAS "")
  set(NAMES "")
  foreach(INDEX RANGE ${LAST})
    foreach(KEY name size eraseUnit programUnit)
      string(JSON ${KEY} GET "${JSON}" flash ${INDEX} ${KEY})
    endforeach()
    string(TOUPPER "${name}" IDENTIFIER)
    string(REPLACE "-" "_" IDENTIFIER "${IDENTIFIER}")
    string(APPEND NAMES "#define FLASH_AREA_${IDENTIFIER}\n")
    string(APPEND AREAS " \\\n    AREA(${IDENTIFIER}, \"${name}\", ${size}u, ${eraseUnit}u, ${programUnit}u)")
  endforeach()
  set(FOLDER "${CMAKE_CURRENT_BINARY_DIR}/board")
  file(CONFIGURE OUTPUT "${FOLDER}/flash_areas.h" @ONLY
    CONTENT "/* Made from boards/@BOARD@/board.json. */\n@NAMES@#define FLASH_AREAS(AREA)@AREAS@\n")
  target_include_directories(${TARGET} PRIVATE "${FOLDER}")
endfunction()
