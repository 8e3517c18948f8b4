# Our own CUDA kernels (lib/kernels/*_sm90.cu). They are built where nvcc is found: on PATH, in the
# usual place, or where scripts/setup puts it. Without it the program is complete all the same and
# computes by libtorch's own kernels.
set(MULTITALK_CUDA AUTO CACHE STRING "Build the CUDA kernels: AUTO (where nvcc is found), ON, OFF")
find_program(MULTITALK_NVCC nvcc
             HINTS ${CMAKE_SOURCE_DIR}/.deps/cuda/nvidia/cu13/bin /usr/local/cuda/bin)

set(MULTITALK_HAS_CUDA_KERNELS OFF)
if(MULTITALK_CUDA STREQUAL "ON" AND NOT MULTITALK_NVCC)
  message(FATAL_ERROR "MULTITALK_CUDA=ON, but there is no nvcc; `scripts/setup --cuda` brings one")
elseif(NOT MULTITALK_CUDA STREQUAL "OFF" AND MULTITALK_NVCC)
  set(CMAKE_CUDA_COMPILER ${MULTITALK_NVCC})
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 90a-real)  # Hopper; name others with -DCMAKE_CUDA_ARCHITECTURES
  endif()
  set(CMAKE_CUDA_STANDARD 17)  # CMake 3.25 knows no later one of nvcc 13
  enable_language(CUDA)
  set(MULTITALK_HAS_CUDA_KERNELS ON)
endif()
message(STATUS "CUDA kernels: ${MULTITALK_HAS_CUDA_KERNELS}")
