#include "media/ffmpeg.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

extern "C" {
#include <libavutil/opt.h>
}

namespace multitalk::ffmpeg {

std::string error_text(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return text;
}

Frame make_frame() {
  Frame frame(av_frame_alloc());
  if (!frame) throw resource_error("out of memory");
  return frame;
}

Packet make_packet() {
  Packet packet(av_packet_alloc());
  if (!packet) throw resource_error("out of memory");
  return packet;
}

std::string file_url(const std::filesystem::path& path) { return "file:" + path.string(); }

Input open_input(const std::filesystem::path& path) {
  av_log_set_level(AV_LOG_QUIET);  // errors come as exceptions
  AVFormatContext* opened = nullptr;
  AVDictionary* options = nullptr;
  av_dict_set(&options, "protocol_whitelist", "file", 0);
  int error = avformat_open_input(&opened, file_url(path).c_str(), nullptr, &options);
  av_dict_free(&options);
  Input input(opened);
  if (error >= 0) error = avformat_find_stream_info(input.get(), nullptr);
  if (error < 0) {
    throw input_error("{}: not a sound or video file that can be read: {}", path.string(),
                      error_text(error))
        .with_hint("WAV, FLAC, MP3, OGG, M4A, MP4, MOV, AVI and MKV are known to work");
  }
  return input;
}

Swr make_resampler(const AVFrame& frame, AVSampleFormat format, int rate, int channels) {
  AVChannelLayout in{};
  if (frame.ch_layout.order == AV_CHANNEL_ORDER_UNSPEC) {
    av_channel_layout_default(&in, frame.ch_layout.nb_channels);
  } else {
    av_channel_layout_copy(&in, &frame.ch_layout);
  }
  AVChannelLayout out{};
  if (channels == 0) {
    av_channel_layout_copy(&out, &in);
  } else {
    av_channel_layout_default(&out, channels);
  }
  SwrContext* made = nullptr;
  int error =
      swr_alloc_set_opts2(&made, &out, format, rate == 0 ? frame.sample_rate : rate, &in,
                          static_cast<AVSampleFormat>(frame.format), frame.sample_rate, 0, nullptr);
  Swr resampler(made);
  if (error >= 0) error = swr_init(resampler.get());
  av_channel_layout_uninit(&in);
  av_channel_layout_uninit(&out);
  if (error < 0) throw input_error("cannot convert the sound: {}", error_text(error));
  return resampler;
}

Swr make_soxr(int from, int to) {
  AVChannelLayout mono{};
  av_channel_layout_default(&mono, 1);
  SwrContext* made = nullptr;
  swr_alloc_set_opts2(&made, &mono, AV_SAMPLE_FMT_FLT, to, &mono, AV_SAMPLE_FMT_FLT, from, 0,
                      nullptr);
  Swr resampler(made);
  if (!resampler) throw resource_error("out of memory");
  av_opt_set_int(made, "resampler", SWR_ENGINE_SOXR, 0);
  av_opt_set_double(made, "precision", 20, 0);
  return swr_init(made) < 0 ? nullptr : std::move(resampler);
}

std::vector<float> resample_soxr(std::span<const float> mono, int from, int to) {
  constexpr std::size_t kChunk = 1 << 16;
  const Swr resampler = make_soxr(from, to);
  if (!resampler) {
    throw resource_error("this build of FFmpeg's libswresample has no soxr resampler")
        .with_hint("install one that has (Debian's and Ubuntu's have)");
  }
  std::vector<float> result;
  std::vector<float> part(static_cast<std::size_t>(std::ceil(kChunk * (1.0 * to / from))) + 1024);
  const auto convert = [&](const float* in, std::size_t count) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(in);
    auto* out = reinterpret_cast<std::uint8_t*>(part.data());
    const int got = swr_convert(resampler.get(), &out, static_cast<int>(part.size()),
                                in == nullptr ? nullptr : &bytes, static_cast<int>(count));
    if (got < 0) throw internal_error("resampling {} to {} Hz: {}", from, to, error_text(got));
    result.insert(result.end(), part.begin(), part.begin() + got);
    return got;
  };
  for (std::size_t done = 0; done < mono.size(); done += kChunk) {
    convert(mono.data() + done, std::min(kChunk, mono.size() - done));
  }
  while (convert(nullptr, 0) > 0) {
  }
  return result;
}

StreamDecoder::StreamDecoder(const std::filesystem::path& path, AVMediaType kind)
    : path_(path), input_(open_input(path)), packet_(make_packet()), frame_(make_frame()) {
  const char* kind_name = kind == AVMEDIA_TYPE_AUDIO ? "sound" : "picture";
  const AVCodec* decoder = nullptr;
  stream_ = av_find_best_stream(input_.get(), kind, -1, -1, &decoder, 0);
  if (stream_ == AVERROR_DECODER_NOT_FOUND) {
    throw input_error("{}: this build of FFmpeg has no decoder for its {}", path.string(),
                      kind_name);
  }
  if (stream_ < 0) throw input_error("{}: has no {} stream", path.string(), kind_name);
  codec_.reset(avcodec_alloc_context3(decoder));
  if (!codec_) throw resource_error("out of memory");
  int error = avcodec_parameters_to_context(codec_.get(), stream().codecpar);
  codec_->pkt_timebase = stream().time_base;
  if (error >= 0) error = avcodec_open2(codec_.get(), decoder, nullptr);
  if (error < 0) {
    throw input_error("{}: cannot decode its {}: {}", path.string(), kind_name, error_text(error));
  }
  for (unsigned i = 0; i < input_->nb_streams; ++i) {
    if (static_cast<int>(i) != stream_) input_->streams[i]->discard = AVDISCARD_ALL;
  }
}

/// Hands the decoder its stream's next packet, or the news that there is none.
void StreamDecoder::feed() {
  while (true) {
    const int error = av_read_frame(input_.get(), packet_.get());
    if (error < 0) {
      avcodec_send_packet(codec_.get(), nullptr);
      return;
    }
    const bool ours = packet_->stream_index == stream_;
    const int sent = ours ? avcodec_send_packet(codec_.get(), packet_.get()) : 0;
    av_packet_unref(packet_.get());
    if (ours && sent >= 0) return;
  }
}

const AVFrame* StreamDecoder::next() {
  while (true) {
    const int error = avcodec_receive_frame(codec_.get(), frame_.get());
    if (error >= 0) return frame_.get();
    if (error == AVERROR_EOF) return nullptr;
    if (error == AVERROR(EAGAIN)) {
      feed();
    } else if (error != AVERROR_INVALIDDATA) {
      throw input_error("{}: cannot be decoded: {}", path_.string(), error_text(error));
    }
  }
}

}  // namespace multitalk::ffmpeg
