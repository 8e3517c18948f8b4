#include "pipeline/generate.h"

#include <ATen/core/grad_mode.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/device.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/stopwatch.h"
#include "base/text.h"
#include "checkpoint/safetensors.h"
#include "media/video_writer.h"
#include "media/wav_writer.h"
#include "models/text_cleaning.h"
#include "pipeline/clip_renderer.h"
#include "pipeline/conditioning.h"
#include "pipeline/latent_trace.h"
#include "pipeline/model_set.h"

namespace multitalk {

namespace {

ModelPlacement placement_of(const Job& job, const Plan& plan) {
  if (job.checkpoint_dir.empty()) {
    throw input_error("--ckpt_dir is missing: name the folder of the Wan2.1 / MultiTalk weights")
        .with_hint("the README says where to get them; --dry_run needs none");
  }
  if (job.wav2vec_dir.empty()) {
    throw input_error("--wav2vec_dir is missing: name the folder of the wav2vec2 weights");
  }
  ModelPlacement placement;
  placement.checkpoint_dir = job.checkpoint_dir;
  placement.wav2vec_dir = job.wav2vec_dir;
  placement.multitalk_checkpoint = job.multitalk_checkpoint;
  placement.device = plan.device;
  placement.dtype = plan.dtype;
  placement.t5_on_cpu = job.t5_on_cpu;
  placement.persistent_parameters = job.persistent_parameters;
  placement.adaptation = job.adaptation;
  return placement;
}

void require(const std::string& what, int64_t expected, int64_t got, const std::string& where) {
  if (expected == got) return;
  throw weights_error("{}: the transformer takes {} {}, these weights give {}", where, what,
                      expected, got)
      .with_hint("the folders hold weights of different models");
}

/// The parts must fit each other: one model's output is another's input.
void check_fit(ModelSet& models, const ModelPlacement& placement) {
  const DitConfig& dit = models.wan_dit.module().config();
  const Wav2Vec2Config& audio = models.wav2vec2.module().config();
  const std::string wav2vec_dir = placement.wav2vec_dir.string();
  require("audio_channels", dit.audio_channels, audio.hidden_size, wav2vec_dir);
  require("audio_blocks", dit.audio_blocks, audio.num_hidden_layers, wav2vec_dir);
  const std::string dir = placement.checkpoint_dir.string();
  require("text_dim", dit.text_dim, models.umt5.module().config().dim, dir + " (text encoder)");
  require("clip_dim", dit.clip_dim, models.clip_vision.module().config().width,
          dir + " (image encoder)");
}

/// What the memory depends on beside the models.
MemoryInputs memory_inputs(const Job& job, const Plan& plan) {
  MemoryInputs in;
  in.tokens = plan.tokens();
  in.height = plan.bucket.height;
  in.width = plan.bucket.width;
  in.frame_num = job.frame_num;
  in.audio_frames = plan.speech.samples() / (16000 / kFramesPerSecond);
  in.element_bytes = static_cast<int64_t>(c10::elementSize(plan.dtype));
  in.text_on_device = !job.t5_on_cpu;
  return in;
}

MemoryPlan plan_memory(const Job& job, const Plan& plan, ModelSet& models) {
  const DitConfig& dit = models.wan_dit.module().config();
  MemoryInputs in = memory_inputs(job, plan);
  in.wav2vec2_bytes = models.wav2vec2.bytes();
  in.text_encoder_bytes = models.umt5.bytes();
  in.clip_bytes = models.clip_vision.bytes();
  in.vae_bytes = models.wan_vae.bytes();
  in.dit_bytes = models.wan_dit.bytes();
  in.dim = dit.dim;
  in.ffn_dim = dit.ffn_dim;
  in.vae_dim = models.wan_vae.module().config().dim;
  return estimate_memory(in);
}

std::vector<at::Tensor> embed_speech(const Plan& plan, ModelSet& models, LatentTrace& trace) {
  constexpr int64_t kTracedSamples = 2048;
  std::vector<at::Tensor> embeddings;
  for (std::size_t i = 0; i < plan.speech.tracks.size(); ++i) {
    const std::vector<float>& track = plan.speech.tracks[i];
    const at::Tensor samples = at::tensor(track);
    embeddings.push_back(models.wav2vec2.get().embed(samples.to(plan.device)).cpu());
    const std::string number = std::to_string(i + 1);
    trace.add("speech_" + number, samples.slice(0, 0, kTracedSamples));
    trace.add("speech_" + number + "_samples_rms",
              at::stack({at::scalar_tensor(static_cast<double>(track.size())),
                         samples.square().mean().sqrt()}));
    trace.add("audio_embedding_" + number, embeddings.back());
  }
  return embeddings;
}

at::Tensor encode_prompt(const std::string& prompt, const Plan& plan, ModelSet& models) {
  const std::vector<int64_t> ids = models.tokenizer.encode(clean_prompt(prompt));
  return models.umt5.get().encode(at::tensor(ids, at::kLong)).to(plan.device);
}

RenderInputs prepare_inputs(const Job& job, const Plan& plan, ModelSet& models, LatentTrace& trace,
                            StageTimes& times) {
  RenderInputs inputs;
  {
    const Stopwatch watch(times["speech"]);
    inputs.audio_embeddings = embed_speech(plan, models, trace);
    if (job.offload_models) models.wav2vec2.release();
  }
  check_interrupted();
  {
    const Stopwatch watch(times["text"]);
    inputs.context = encode_prompt(job.prompt, plan, models);
    trace.add("context", inputs.context);
    if (!is_unit_scale(job.sampling.text_guide_scale)) {
      inputs.negative_context =
          encode_prompt(job.negative_prompt.value_or(job.task.negative_prompt), plan, models);
      trace.add("context_null", inputs.negative_context);
    }
    if (job.offload_models) models.umt5.release();
  }
  inputs.picture = picture_tensor(plan.picture, plan.fit, plan.bucket);
  trace.add("ref_target_masks", plan.speaker_masks);
  trace.add("timesteps", at::tensor(plan.timesteps).slice(0, 0, -1));
  return inputs;
}

/// The sound of frames [begin, end), as far as there is any.
std::span<const float> sound_between(const VoiceTracks& speech, int64_t begin, int64_t end) {
  const auto at_frame = [&](int64_t frame) {
    const int64_t sample = frame * speech.mix_rate / kFramesPerSecond * speech.mix_channels;
    return std::min<int64_t>(sample, static_cast<int64_t>(speech.mix.size()));
  };
  const int64_t first = at_frame(begin);
  return std::span<const float>(speech.mix).subspan(first, at_frame(end) - first);
}

VideoOptions video_options(const Job& job, const Plan& plan) {
  VideoOptions options;
  options.width = plan.bucket.width;
  options.height = plan.bucket.height;
  options.fps = kFramesPerSecond;
  options.crf = job.crf;
  options.audio_rate = plan.speech.mix_rate;
  options.audio_channels = plan.speech.mix_channels;
  options.metadata = {{"comment", fmt::format("multitalk {}, seed {}", version(), plan.seed)}};
  return options;
}

/// Renders all clips into the writer; returns the number of frames written.
int render_clips(const Plan& plan, ClipRenderer& renderer, VideoWriter& writer,
                 LatentTrace& trace) {
  int written = 0;
  for (const ClipSpan& clip : plan.schedule.clips) {
    const at::Tensor frames = renderer.next();
    const at::Tensor shown =
        frames.slice(1, clip.motion_frames, clip.motion_frames + clip.new_frames);
    const at::Tensor bytes = frames_to_bytes(shown);
    for (int64_t i = 0; i < bytes.size(0); ++i) {
      const at::Tensor frame = bytes[i];
      writer.write_frame(
          {frame.const_data_ptr<std::uint8_t>(), static_cast<std::size_t>(frame.numel())});
    }
    writer.write_audio(sound_between(plan.speech, written, written + clip.new_frames));
    written += clip.new_frames;
    trace.add_video(bytes);
    if (shown.size(1) > 0) {
      trace.add("video_frames", shown.slice(1, -1));
      trace.add("video_frames_index", at::tensor({int64_t{written} - 1}, at::kLong));
    }
  }
  return written;
}

/// --audio_save_dir: the mix and the embeddings, in a folder named after the picture.
void save_audio(const Job& job, const Plan& plan, const std::vector<at::Tensor>& embeddings) {
  if (!job.audio_save_dir) return;
  const std::string name = job.image.filename().string();
  const std::filesystem::path folder = *job.audio_save_dir / name.substr(0, name.find('.'));
  std::error_code ec;
  std::filesystem::create_directories(folder, ec);
  if (ec) {
    throw input_error("--audio_save_dir {}: cannot make it: {}", folder.string(), ec.message());
  }
  std::vector<float> sum(plan.speech.samples());
  for (const std::vector<float>& track : plan.speech.tracks) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += track[i];
  }
  write_wav_pcm16(folder / "sum.wav", sum, 16000);
  for (std::size_t i = 0; i < embeddings.size(); ++i) {
    write_safetensors(folder / fmt::format("{}.safetensors", i + 1),
                      {{"audio_embedding", embeddings[i]}});
  }
}

void add_peak_memory(at::Device device, RenderResult& result) {
  result.peak_host_bytes = peak_bytes(at::kCPU);
  if (!device.is_cpu()) result.peak_device_bytes = peak_bytes(device);
}

/// JSON is UTF-8; file names need not be.
std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

void expect_memory(const Job& job, Plan& plan) {
  if (!job.task.model_sizes) return;
  const ModelSizes& sizes = *job.task.model_sizes;
  constexpr int64_t kFloatBytes = 4;
  MemoryInputs in = memory_inputs(job, plan);
  // The dtypes of ModelPlacement.
  in.wav2vec2_bytes = sizes.wav2vec2 * kFloatBytes;
  in.text_encoder_bytes = sizes.text_encoder * in.element_bytes;
  in.clip_bytes = sizes.image_encoder * in.element_bytes;
  in.vae_bytes = sizes.vae * kFloatBytes;
  in.dit_bytes = sizes.transformer * in.element_bytes;
  in.dim = sizes.dim;
  in.ffn_dim = sizes.ffn_dim;
  in.vae_dim = sizes.vae_dim;
  plan.memory = estimate_memory(in);
}

void check_weights(const Job& job, Plan& plan) {
  const ModelPlacement placement = placement_of(job, plan);
  ModelSet models(placement);
  check_fit(models, placement);
  plan.memory = plan_memory(job, plan, models);
}

RenderResult generate(const Job& job, const Plan& plan, const RunOrigin& origin) {
  const at::NoGradGuard no_grad;
  const ModelPlacement placement = placement_of(job, plan);
  ModelSet models(placement);
  check_fit(models, placement);
  allow_tf32(plan.dtype != at::kFloat);
  require_memory(plan_memory(job, plan, models), memory_info(plan.device).free_bytes,
                 plan.device.str());

  RunRecorder recorder(job, plan, origin, models.files());
  RenderResult result;
  LatentTrace trace(job.save_latents);
  VideoWriter writer(job.output, video_options(job, plan));
  Progress progress(static_cast<int>(plan.schedule.clips.size()), job.sampling.steps);
  progress.stage("listening and reading");
  const RenderInputs inputs = prepare_inputs(job, plan, models, trace, result.stage_s);
  save_audio(job, plan, inputs.audio_embeddings);

  ClipRenderer renderer(job, plan, models, inputs, trace, progress, result.stage_s);
  result.frames = render_clips(plan, renderer, writer, trace);
  progress.finish();
  add_peak_memory(plan.device, result);
  const Json record = recorder.finish(result);
  writer.set_metadata(kRecordKey, dump(record, -1));
  writer.finish();
  if (job.sidecar) write_file_atomically(sidecar_of(job.output), dump(record, 2) + "\n");
  trace.write();
  return result;
}

}  // namespace multitalk
