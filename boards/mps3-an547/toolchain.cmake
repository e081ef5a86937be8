# The Cortex-M55 with its FPU and vector unit.
set(CORE cortex-m55)
set(CORE_FLAGS "-mfloat-abi=hard")
include("${CMAKE_CURRENT_LIST_DIR}/../common/arm-none-eabi.cmake")
