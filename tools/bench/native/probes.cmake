# Adds the probes of the benchmark to the firmware's build, which itself knows nothing of them. Given to CMake as
# CMAKE_PROJECT_obscura_firmware_INCLUDE, so that it is read before the target exists. The linker leads the calls
# named here through the probes; the code on either side is the product's.
set(PROBES "${CMAKE_CURRENT_LIST_DIR}")

function(obscura_add_probes)
  target_sources(firmware PRIVATE ${PROBES}/probes.c ${PROBES}/packets.c)
  target_include_directories(firmware PRIVATE ${PROBES})
  foreach(FUNCTION fxCollect native_applicationStart port_event_wait port_uart_read port_uart_write port_deep_sleep
      rom_is_whole signed_bundle_open p256_public_from_private p256_ecdh_shared_secret)
    target_link_options(firmware PRIVATE -Wl,--wrap=${FUNCTION})
  endforeach()
  if(BOARD MATCHES "^mps")
    target_sources(firmware PRIVATE ${PROBES}/counter_mps.c)
    target_link_options(firmware PRIVATE
      -Wl,--wrap=hci_rx_interrupt -Wl,--wrap=memory_init -Wl,--wrap=chip_lines_request)
  else()
    target_sources(firmware PRIVATE ${PROBES}/counter_${BOARD}.c)
  endif()
  if(BOARD STREQUAL "mps3-an547")
    target_compile_definitions(firmware PRIVATE COUNTER_MPS3)
  endif()
  if(PROFILE)
    target_sources(firmware PRIVATE ${PROBES}/profile.c)
    target_compile_definitions(firmware PRIVATE PROFILE)
    target_link_options(firmware PRIVATE -Wl,--wrap=heap_collect)
    obscura_trace_calls()
  endif()
endfunction()

# The engine has places for a trace of calls, whose functions it declares itself: a copy of the file leads them to ours.
function(obscura_trace_calls)
  set(TRACED "${CMAKE_BINARY_DIR}/traced/xsRun.c")
  file(READ "${OBSCURA_INTERPRETER}" SOURCE)
  string(REPLACE "fxTraceCallBegin(the, mxFrameFunction)" "profile_enter(the, mxFrameFunction)" SOURCE "${SOURCE}")
  string(REPLACE "fxTraceCallEnd(the, mxFrameFunction)" "profile_leave(the, mxFrameFunction)" SOURCE "${SOURCE}")
  file(WRITE "${TRACED}" "${SOURCE}")
  get_source_file_property(OPTIONS "${OBSCURA_INTERPRETER}" COMPILE_OPTIONS)
  set_source_files_properties("${TRACED}" PROPERTIES
    COMPILE_OPTIONS "${OPTIONS};-DmxTraceCall;-DPROFILE;-include;${PROBES}/profile.h")
  get_target_property(SOURCES xs SOURCES)
  list(FILTER SOURCES EXCLUDE REGEX "/xsRun\\.c$")
  set_property(TARGET xs PROPERTY SOURCES ${SOURCES} "${TRACED}")
endfunction()

cmake_language(DEFER CALL obscura_add_probes)
