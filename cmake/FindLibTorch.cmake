# LibTorch: the C++ side of PyTorch, without PyTorch's own CMake package, which insists on a CUDA
# toolkit even where only the CPU is used. Looks into -DMULTITALK_LIBTORCH=DIR where it is given, else
# into CMAKE_PREFIX_PATH (DIR or DIR/share/cmake), then into the folder that scripts/setup fills.
#
# Only libtorch_cpu and libc10 are linked. The CUDA half is loaded at run time where --device asks
# for it (lib/base/device.cpp), so that one binary serves machines with and without a GPU.
set(MULTITALK_LIBTORCH "" CACHE PATH "A libtorch folder (the one with include/ and lib/)")

set(_hints ${MULTITALK_LIBTORCH})
if(NOT _hints)
  foreach(_prefix IN LISTS CMAKE_PREFIX_PATH)
    list(APPEND _hints ${_prefix} ${_prefix}/../..)
  endforeach()
  list(APPEND _hints ${CMAKE_SOURCE_DIR}/.deps/libtorch/torch)
endif()

find_path(LibTorch_INCLUDE_DIR ATen/ATen.h HINTS ${_hints} PATH_SUFFIXES include NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu HINTS ${_hints} PATH_SUFFIXES lib NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 HINTS ${_hints} PATH_SUFFIXES lib NO_DEFAULT_PATH)

set(_version_file ${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h)  # older ones have none
if(EXISTS ${_version_file})
  file(STRINGS ${_version_file} _version
       REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX REPLACE "[^0-9]*([0-9]+)[^0-9]*([0-9]+)[^0-9]*([0-9]+).*" "\\1.\\2.\\3"
         LibTorch_VERSION "${_version}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run scripts/setup, or name a libtorch with -DMULTITALK_LIBTORCH=DIR")

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION ${LibTorch_C10_LIBRARY})
  add_library(LibTorch::cpu SHARED IMPORTED)
  set_target_properties(LibTorch::cpu PROPERTIES IMPORTED_LOCATION ${LibTorch_CPU_LIBRARY})
  # After the system's folders: the wheel ships an fmt of its own, which must not shadow the one
  # that spdlog and this project are built with.
  target_compile_options(LibTorch::cpu INTERFACE "SHELL:-idirafter ${LibTorch_INCLUDE_DIR}")
  target_link_libraries(LibTorch::cpu INTERFACE LibTorch::c10)
  # libtorch_cpu itself needs CUPTI and the CUDA runtime, which lie beside it in the wheels.
  get_filename_component(_lib ${LibTorch_CPU_LIBRARY} DIRECTORY)
  target_link_options(LibTorch::cpu INTERFACE -Wl,-rpath-link,${_lib}/../../nvidia/cu13/lib
                      -Wl,--allow-shlib-undefined)
endif()
