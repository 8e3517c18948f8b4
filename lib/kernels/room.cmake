multitalk_room(kernels TORCH
  SOURCES attention.cpp layer_norm_modulate.cpp rope.cpp speaker_map.cpp
  DEPENDS multitalk_base)

# The kernels themselves see no libtorch: a library of their own, with nvcc's flags.
if(MULTITALK_HAS_CUDA_KERNELS)
  add_library(multitalk_cuda STATIC kernels/layer_norm_modulate_sm90.cu)
  target_include_directories(multitalk_cuda PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(multitalk_kernels PRIVATE multitalk_cuda)
  target_compile_definitions(multitalk_kernels PRIVATE MULTITALK_CUDA)
endif()
