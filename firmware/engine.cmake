# The XS engine as a static library. Shared by the firmware and by the bytecode compiler: bytecode runs in
# place only when both agree on every option here.
#
#   obscura_add_engine(TARGET [PARSER] [COMPACT] [OPTIONS ...])
#
# COMPACT needs native/engine_compact.c in the program. The interpreter's source is ${OBSCURA_INTERPRETER}.

get_filename_component(OBSCURA_ROOT "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(XS_ROOT "${OBSCURA_ROOT}/node_modules/@agoric/xsnap/moddable/xs" CACHE PATH "Sources of the XS engine")

if(NOT EXISTS "${XS_ROOT}/sources/xsAll.h")
  message(FATAL_ERROR "The XS engine is not at ${XS_ROOT}: run `npm ci --ignore-scripts` first.")
endif()

# Sets VARIABLE to a source of the engine as native/SCRIPT changes it, which leaves COUNT lines that match REGEX.
function(obscura_change_source VARIABLE NAME SCRIPT REGEX COUNT)
  set(ORIGINAL "${XS_ROOT}/sources/${NAME}")
  set(CHANGED "${CMAKE_CURRENT_BINARY_DIR}/${NAME}")
  set(CHANGES "${OBSCURA_ROOT}/firmware/native/${SCRIPT}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CHANGES}" "${ORIGINAL}")
  execute_process(COMMAND sed -E -f "${CHANGES}" "${ORIGINAL}" OUTPUT_FILE "${CHANGED}" COMMAND_ERROR_IS_FATAL ANY)
  file(STRINGS "${CHANGED}" LINES REGEX "${REGEX}")
  list(LENGTH LINES LINE_COUNT)
  if(NOT LINE_COUNT EQUAL COUNT)
    message(FATAL_ERROR "firmware/native/${SCRIPT} does not fit this version of ${NAME}.")
  endif()
  set(${VARIABLE} "${CHANGED}" PARENT_SCOPE)
endfunction()

# The interpreter keeps its variables in registers: see native/engine_run.h.
obscura_change_source(OBSCURA_INTERPRETER xsRun.c engine_run.sed
  "IN_REGISTER_|stackBottom = |run_(own|inherited)_property" 10)
set_property(SOURCE "${OBSCURA_INTERPRETER}" APPEND PROPERTY
  COMPILE_OPTIONS -include "${OBSCURA_ROOT}/firmware/native/engine_run.h")
# The collection reads no slots that nobody has written: see native/engine_memory.sed.
obscura_change_source(OBSCURA_COLLECTOR xsMemory.c engine_memory.sed
  "c_memset\\(current \\+ aSize|\\(chunk->size - sizeof\\(txChunk\\)\\) / sizeof" 3)
# Fewer tables of letters: see native/engine_letters.sed.
obscura_change_source(OBSCURA_LETTERS xsre.c engine_letters.sed "^\treturn 0x03c3;$" 1)

function(obscura_add_engine TARGET)
  cmake_parse_arguments(ENGINE "PARSER;COMPACT" "" "OPTIONS" ${ARGN})
  file(GLOB SOURCES CONFIGURE_DEPENDS "${XS_ROOT}/sources/*.c")
  list(FILTER SOURCES EXCLUDE REGEX "/(xsMemory|xsRun|xsSnapshot|xsSourceMap|xsmc|xsre)\\.c$")
  list(APPEND SOURCES "${OBSCURA_INTERPRETER}" "${OBSCURA_COLLECTOR}" "${OBSCURA_LETTERS}")
  if(NOT ENGINE_PARSER)
    list(FILTER SOURCES EXCLUDE REGEX "/(xsLexical|xsSyntaxical|xsTree|xsScope|xsCode)\\.c$")
  endif()
  add_library(${TARGET} STATIC ${SOURCES})
  target_include_directories(${TARGET} SYSTEM PUBLIC
    "${XS_ROOT}/includes" "${XS_ROOT}/platforms" "${XS_ROOT}/sources")
  target_include_directories(${TARGET} PUBLIC "${OBSCURA_ROOT}/firmware/native")
  target_compile_definitions(${TARGET} PUBLIC
    INCLUDE_XSPLATFORM
    XSPLATFORM="xs_platform.h"
    mxRun=1
    mxNoConsole=1
    mxBoundsCheck=1
    mxMisalignedSettersCrash=1)
  if(ENGINE_PARSER)
    target_compile_definitions(${TARGET} PUBLIC mxParse=1)
  endif()
  if(ENGINE_COMPACT)
    set(COMPACT_SOURCES ${SOURCES})
    list(FILTER COMPACT_SOURCES EXCLUDE REGEX "/xs(All|Run)\\.c$")
    set_property(SOURCE ${COMPACT_SOURCES} APPEND PROPERTY
      COMPILE_OPTIONS -include "${OBSCURA_ROOT}/firmware/native/engine_compact.h")
  endif()
  target_compile_options(${TARGET} PRIVATE
    -w -std=gnu11 -fno-strict-aliasing -ffunction-sections -fdata-sections -fno-common ${ENGINE_OPTIONS})
endfunction()
