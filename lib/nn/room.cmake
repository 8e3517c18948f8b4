multitalk_room(nn TORCH
  SOURCES layers.cpp
  DEPENDS multitalk_kernels multitalk_checkpoint)
