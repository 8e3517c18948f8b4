multitalk_room(checkpoint TORCH
  SOURCES byte_reader.cpp lora.cpp mapped_tensor.cpp open_weights.cpp quanto.cpp row_scaled.cpp
          safetensors.cpp safetensors_dtype.cpp safetensors_writer.cpp state_dict.cpp
          torch_pickle.cpp unpickler.cpp zip_reader.cpp
  DEPENDS multitalk_base)
