# The Cortex-M7 with its double-precision FPU.
set(CORE cortex-m7)
set(CORE_FLAGS "-mfpu=fpv5-d16 -mfloat-abi=hard")
include("${CMAKE_CURRENT_LIST_DIR}/../common/arm-none-eabi.cmake")
