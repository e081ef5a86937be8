# Adds the probes of the benchmark to the firmware's build, which itself knows nothing of them. Given to CMake as
# CMAKE_PROJECT_obscura_firmware_INCLUDE, so that it is read before the target exists. The linker leads the calls
# named here through the probes; the code on either side is the product's.
set(PROBES "${CMAKE_CURRENT_LIST_DIR}")

function(obscura_add_probes)
  target_sources(firmware PRIVATE ${PROBES}/probes.c ${PROBES}/counter_${BOARD}.c)
  target_include_directories(firmware PRIVATE ${PROBES})
  foreach(FUNCTION native_applicationStart port_event_wait port_uart_read port_uart_write)
    target_link_options(firmware PRIVATE -Wl,--wrap=${FUNCTION})
  endforeach()
  if(BOARD STREQUAL "mps2-an500")
    target_link_options(firmware PRIVATE -Wl,--wrap=hci_rx_interrupt -Wl,--wrap=memory_init)
  endif()
endfunction()

cmake_language(DEFER CALL obscura_add_probes)
