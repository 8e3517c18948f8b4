multitalk_room(checkpoint TORCH
  SOURCES byte_reader.cpp lora.cpp mapped_tensor.cpp open_weights.cpp quanto.cpp safetensors.cpp
          state_dict.cpp torch_pickle.cpp unpickler.cpp zip_reader.cpp
  DEPENDS multitalk_base)
