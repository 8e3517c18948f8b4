// Who is where: how strongly each token of a video looks at each speaker's place in the first
// frame, and the 1-D positions that bind the token to that speaker's voice.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace multitalk {

/// The attention softmax(q k^T / sqrt(d)) of all tokens to the tokens of the first latent frame,
/// averaged over each class's tokens and over the heads (MultiTalk's `get_attn_map_with_target`).
/// Nothing of the size tokens x keys is ever in memory: it is computed as attention whose values
/// are the class masks. Half precision instead takes the official steps for some queries at a time
/// and rounds each as the official code does, so that a token whose best classes are nearly equal
/// goes the official way. A class without tokens gets 0.
///
/// q [1, L, H, D] and keys [1, L0, H, D] after the rotary embedding; masks [classes, L0] of 0 and
/// 1, at most D classes -> [classes, L], float32; in q's dtype for half precision
at::Tensor speaker_map(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& masks);

/// The same by definition, with the whole L x L0 matrix, in float32: what tests and other
/// implementations are held against.
at::Tensor speaker_map_reference(const at::Tensor& q, const at::Tensor& keys,
                                 const at::Tensor& masks);

/// The 1-D position of each token. A token belongs to the class that it looks at most. Speaker i
/// (from 0) owns the positions 20 i .. 20 i + 4, spread over by the speaker's row of the map,
/// scaled by its least and largest value; the background, the last class, sits at 12. Two speakers
/// are placed as in MultiTalk; with more, no two speakers are nearer to each other than those two.
/// map [speakers + 1, L] -> [L] in the map's dtype
at::Tensor speaker_positions(const at::Tensor& map);

/// The 1-D positions of the voices' keys: `tokens` of each speaker in turn, speaker i at 20 i + 2.
/// -> float32 [speakers * tokens]
at::Tensor voice_positions(int64_t speakers, int64_t tokens, at::Device device);

}  // namespace multitalk
