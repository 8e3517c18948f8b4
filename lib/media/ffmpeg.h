// What the readers and the writer share of the FFmpeg libraries: owners for their objects, error
// texts, decoding of one stream. For this room only.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
}

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace multitalk::ffmpeg {

struct Deleter {
  void operator()(AVFormatContext* input) const { avformat_close_input(&input); }
  void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(SwrContext* resampler) const { swr_free(&resampler); }
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
};
using Input = std::unique_ptr<AVFormatContext, Deleter>;
using Codec = std::unique_ptr<AVCodecContext, Deleter>;
using Frame = std::unique_ptr<AVFrame, Deleter>;
using Packet = std::unique_ptr<AVPacket, Deleter>;
using Swr = std::unique_ptr<SwrContext, Deleter>;
using Sws = std::unique_ptr<SwsContext, Deleter>;

/// What FFmpeg calls an error code.
std::string error_text(int code);

/// Throw a resource error where memory is out.
Frame make_frame();
Packet make_packet();

/// Opens a local file and finds its streams; never a network address. Also silences the libraries'
/// own messages. Throws an input error for what is no media file.
Input open_input(const std::filesystem::path& path);

/// "file:PATH": a name that the libraries never take for a protocol or an option.
std::string file_url(const std::filesystem::path& path);

/// A resampler from the format of `frame` to interleaved samples; the same rate and channels where
/// `rate` or `channels` is 0.
Swr make_resampler(const AVFrame& frame, AVSampleFormat format, int rate, int channels);

/// One channel of floats through soxr at 20 bits; null where the libraries were built without it.
Swr make_soxr(int from, int to);

/// See Resampler::kSoxr. The length may be some samples off.
std::vector<float> resample_soxr(std::span<const float> mono, int from, int to);

/// Decodes the best stream of one kind from a file.
class StreamDecoder {
 public:
  /// Throws an input error where the file is no media file or has no such stream.
  StreamDecoder(const std::filesystem::path& path, AVMediaType kind);

  /// The next frame, valid until the next call; null at the end. Packets that do not decode are
  /// passed over, as players do.
  const AVFrame* next();

  const AVFormatContext& input() const { return *input_; }
  const AVStream& stream() const { return *input_->streams[stream_]; }
  const AVCodecContext& codec() const { return *codec_; }

 private:
  void feed();

  std::filesystem::path path_;
  Input input_;
  int stream_ = 0;
  Codec codec_;
  Packet packet_;
  Frame frame_;
};

}  // namespace multitalk::ffmpeg
