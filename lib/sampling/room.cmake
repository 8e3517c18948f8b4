multitalk_room(sampling TORCH
  SOURCES flow_schedule.cpp guidance.cpp sampler.cpp teacache.cpp
  DEPENDS multitalk_base)
