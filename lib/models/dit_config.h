// The dimensions of MultiTalk's diffusion transformer.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>

#include "checkpoint/tensor_source.h"

namespace multitalk {

/// Every size of the model. The values here are those of the released 14B model.
struct DitConfig {
  int64_t dim = 5120;       ///< width of a token
  int64_t ffn_dim = 13824;  ///< width inside the feed forward
  int64_t heads = 40;
  int64_t layers = 40;
  int64_t freq_dim = 256;          ///< width of the timestep's sinusoids
  int64_t in_dim = 36;             ///< input channels: noise, 4 of mask, latents of the condition
  int64_t out_dim = 16;            ///< latent channels
  int64_t text_len = 512;          ///< text tokens, padding included
  int64_t text_dim = 4096;         ///< width of the text encoder
  int64_t clip_dim = 1280;         ///< width of the image encoder
  int64_t audio_window = 5;        ///< audio frames around each video frame
  int64_t audio_blocks = 12;       ///< layers of the audio encoder
  int64_t audio_channels = 768;    ///< width of the audio encoder
  int64_t intermediate_dim = 512;  ///< width inside the audio projector
  int64_t output_dim = 768;        ///< width of an audio token
  int64_t context_tokens = 32;     ///< audio tokens of a latent frame
  int64_t vae_scale = 4;           ///< video frames in a latent frame
  double eps = 1e-6;
  bool norm_input_visual = true;  ///< a layer norm before the audio attention
  bool norm_output_audio = true;  ///< a layer norm after the audio projector

  static constexpr std::array<int64_t, 3> kPatch = {1, 2, 2};  ///< latent cells in a token: t, h, w
  static constexpr int64_t kImageTokens = 257;                 ///< tokens of the image encoder

  int64_t head_dim() const { return dim / heads; }
};

/// Reads a checkpoint's config.json: the official keys, and text_dim, clip_dim, audio_blocks and
/// audio_channels where given. dim, ffn_dim, num_heads, num_layers and in_dim are required, other
/// keys default to the official values. Throws a weights error that names the file and the key.
DitConfig read_dit_config(const std::filesystem::path& path);

/// Takes text_dim, clip_dim and audio_channels from the shapes of a checkpoint's tensors, as
/// config.json may lack them or, for text_dim, be wrong. Tensors that are absent change nothing.
/// Throws a weights error where a shape cannot belong to the model.
void infer_sizes(DitConfig& config, const TensorSource& source);

}  // namespace multitalk
