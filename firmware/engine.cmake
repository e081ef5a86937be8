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

# The interpreter keeps its variables in registers: see native/engine_run.h.
set(OBSCURA_INTERPRETER "${CMAKE_CURRENT_BINARY_DIR}/xsRun.c")
set(OBSCURA_INTERPRETER_CHANGES "${OBSCURA_ROOT}/firmware/native/engine_run.sed")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  "${OBSCURA_INTERPRETER_CHANGES}" "${XS_ROOT}/sources/xsRun.c")
execute_process(COMMAND sed -E -f "${OBSCURA_INTERPRETER_CHANGES}" "${XS_ROOT}/sources/xsRun.c"
  OUTPUT_FILE "${OBSCURA_INTERPRETER}" COMMAND_ERROR_IS_FATAL ANY)
file(STRINGS "${OBSCURA_INTERPRETER}" CHANGED REGEX "IN_REGISTER_|stackBottom = |run_(own|inherited)_property")
list(LENGTH CHANGED CHANGED_COUNT)
if(NOT CHANGED_COUNT EQUAL 10)
  message(FATAL_ERROR "firmware/native/engine_run.sed does not fit this version of xsRun.c.")
endif()
set_property(SOURCE "${OBSCURA_INTERPRETER}" APPEND PROPERTY
  COMPILE_OPTIONS -include "${OBSCURA_ROOT}/firmware/native/engine_run.h")

# The collection reads no slots that nobody has written: see native/engine_memory.sed.
set(OBSCURA_COLLECTOR "${CMAKE_CURRENT_BINARY_DIR}/xsMemory.c")
set(OBSCURA_COLLECTOR_CHANGES "${OBSCURA_ROOT}/firmware/native/engine_memory.sed")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  "${OBSCURA_COLLECTOR_CHANGES}" "${XS_ROOT}/sources/xsMemory.c")
execute_process(COMMAND sed -E -f "${OBSCURA_COLLECTOR_CHANGES}" "${XS_ROOT}/sources/xsMemory.c"
  OUTPUT_FILE "${OBSCURA_COLLECTOR}" COMMAND_ERROR_IS_FATAL ANY)
file(STRINGS "${OBSCURA_COLLECTOR}" CHANGED
  REGEX "c_memset\\(current \\+ aSize|\\(chunk->size - sizeof\\(txChunk\\)\\) / sizeof")
list(LENGTH CHANGED CHANGED_COUNT)
if(NOT CHANGED_COUNT EQUAL 3)
  message(FATAL_ERROR "firmware/native/engine_memory.sed does not fit this version of xsMemory.c.")
endif()

function(obscura_add_engine TARGET)
  cmake_parse_arguments(ENGINE "PARSER;COMPACT" "" "OPTIONS" ${ARGN})
  file(GLOB SOURCES CONFIGURE_DEPENDS "${XS_ROOT}/sources/*.c")
  list(FILTER SOURCES EXCLUDE REGEX "/(xsMemory|xsRun|xsSnapshot|xsSourceMap|xsmc)\\.c$")
  list(APPEND SOURCES "${OBSCURA_INTERPRETER}" "${OBSCURA_COLLECTOR}")
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
