multitalk_room(kernels TORCH
  SOURCES attention.cpp rope.cpp speaker_map.cpp
  DEPENDS multitalk_base)
