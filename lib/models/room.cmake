multitalk_room(models TORCH
  SOURCES audio_projector.cpp
          charsmap.cpp
          checkpoint_shapes.cpp
          clip_vision.cpp
          dit_config.cpp
          html_entities.cpp
          mojibake.cpp
          mojibake_rules.cpp
          single_byte_encoding.cpp
          text_cleaning.cpp
          text_pattern.cpp
          tokenizer.cpp
          umt5.cpp
          wan_dit.cpp
          wan_dit_block.cpp
          wan_vae.cpp
          wan_vae_blocks.cpp
          wav2vec2.cpp
  DEPENDS multitalk_nn ICU::uc ICU::i18n)
