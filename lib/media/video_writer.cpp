#include "media/video_writer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "media/ffmpeg.h"

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
}

namespace multitalk {

namespace {

/// The rates that MPEG-4 audio knows (ISO/IEC 14496-3, table 1.18), but for 7350 Hz.
constexpr std::array<int, 12> kAacRates = {8000,  11025, 12000, 16000, 22050, 24000,
                                           32000, 44100, 48000, 64000, 88200, 96000};

constexpr std::array kPresets = {"ultrafast", "superfast", "veryfast", "faster",  "fast",
                                 "medium",    "slow",      "slower",   "veryslow"};

void check_options(const VideoOptions& options) {
  if (options.width <= 0 || options.height <= 0 || options.width % 2 != 0 ||
      options.height % 2 != 0) {
    throw input_error("a video of {} x {} pixels: both sides must be even and positive",
                      options.width, options.height);
  }
  if (options.fps <= 0) throw input_error("a video of {} frames a second", options.fps);
  if (options.crf < 0 || options.crf > 51) {
    throw input_error("crf {}: expected 0 (lossless) to 51", options.crf);
  }
  if (std::find(kPresets.begin(), kPresets.end(), options.preset) == kPresets.end()) {
    throw input_error("'{}' is no preset of libx264", options.preset)
        .with_hint("the presets are " + join_and({kPresets.begin(), kPresets.end()}));
  }
  if (options.audio_rate == 0) return;
  if (supported_audio_rate(options.audio_rate) != options.audio_rate) {
    throw input_error("AAC has no sample rate of {} Hz", options.audio_rate)
        .with_hint(fmt::format("resample to {} Hz", supported_audio_rate(options.audio_rate)));
  }
  if (options.audio_channels < 1 || options.audio_channels > 8) {
    throw input_error("{} audio channels: expected 1 to 8", options.audio_channels);
  }
}

const AVCodec& find_encoder(const char* name, const char* what) {
  const AVCodec* encoder = avcodec_find_encoder_by_name(name);
  if (encoder == nullptr) {
    throw resource_error("this build of FFmpeg has no {} encoder ({})", what, name)
        .with_hint("install an FFmpeg whose libavcodec has it, such as Debian's or Ubuntu's");
  }
  return *encoder;
}

ffmpeg::Codec make_encoder(const AVCodec& encoder) {
  ffmpeg::Codec codec(avcodec_alloc_context3(&encoder));
  if (!codec) throw resource_error("out of memory");
  codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  return codec;
}

ffmpeg::Frame make_picture(int width, int height, AVPixelFormat format) {
  ffmpeg::Frame frame = ffmpeg::make_frame();
  frame->width = width;
  frame->height = height;
  frame->format = format;
  if (av_frame_get_buffer(frame.get(), 0) < 0) throw resource_error("out of memory");
  return frame;
}

}  // namespace

int supported_audio_rate(int rate) {
  const auto found = std::lower_bound(kAacRates.begin(), kAacRates.end(), rate);
  return found == kAacRates.end() ? kAacRates.back() : *found;
}

/// The MP4 file: its streams, and packets into it.
class VideoWriter::Muxer {
 public:
  explicit Muxer(const std::filesystem::path& path) : file_(path) {
    av_log_set_level(AV_LOG_QUIET);  // errors come as exceptions
    check(avformat_alloc_output_context2(&output_, nullptr, "mp4",
                                         ffmpeg::file_url(file_.temporary()).c_str()));
  }
  ~Muxer() {
    if (output_ != nullptr && output_->pb != nullptr) avio_closep(&output_->pb);
    avformat_free_context(output_);
  }
  Muxer(const Muxer&) = delete;
  Muxer& operator=(const Muxer&) = delete;

  /// A stream for an opened encoder.
  AVStream* add_stream(const AVCodecContext& codec) {
    AVStream* stream = avformat_new_stream(output_, nullptr);
    if (stream == nullptr) throw resource_error("out of memory");
    check(avcodec_parameters_from_context(stream->codecpar, &codec));
    stream->time_base = codec.time_base;
    return stream;
  }

  void start(const std::map<std::string, std::string>& metadata) {
    for (const auto& [key, value] : metadata) set_metadata(key, value);
    check(avio_open(&output_->pb, ffmpeg::file_url(file_.temporary()).c_str(), AVIO_FLAG_WRITE));
    AVDictionary* options = nullptr;
    av_dict_set(&options, "movflags", "+faststart+use_metadata_tags", 0);
    const int error = avformat_write_header(output_, &options);
    av_dict_free(&options);
    check(error);
  }

  /// The muxer writes the metadata with its index, at the end.
  void set_metadata(const std::string& key, const std::string& value) {
    if (av_dict_set(&output_->metadata, key.c_str(), value.c_str(), 0) < 0) {
      throw resource_error("out of memory");
    }
  }

  /// One frame (null: the end) into the encoder, and the packets that it gives into the file.
  void encode(AVCodecContext& codec, AVStream* stream, const AVFrame* frame) {
    check(avcodec_send_frame(&codec, frame));
    while (true) {
      const int error = avcodec_receive_packet(&codec, packet_.get());
      if (error == AVERROR(EAGAIN) || error == AVERROR_EOF) return;
      check(error);
      // Older libx264 wrappers leave the duration out, and the last frame would have none.
      if (codec.codec_type == AVMEDIA_TYPE_VIDEO) packet_->duration = 1;
      av_packet_rescale_ts(packet_.get(), codec.time_base, stream->time_base);
      packet_->stream_index = stream->index;
      check(av_interleaved_write_frame(output_, packet_.get()));
      check(output_->pb->error);
    }
  }

  void finish() {
    check(av_write_trailer(output_));
    const int error = output_->pb->error;
    const int closed = avio_closep(&output_->pb);
    check(error);
    check(closed);
    file_.commit();
  }

 private:
  void check(int error) const {
    if (error >= 0) return;
    throw resource_error("{}: cannot write the video: {}", file_.final_path().string(),
                         ffmpeg::error_text(error))
        .with_hint(error == AVERROR(ENOSPC) ? "free some disk space" : "");
  }

  PendingFile file_;
  AVFormatContext* output_ = nullptr;
  ffmpeg::Packet packet_ = ffmpeg::make_packet();
};

/// RGB frames to H.264.
class VideoWriter::VideoTrack {
 public:
  VideoTrack(Muxer& muxer, const VideoOptions& options) : muxer_(muxer) {
    open(options);
    stream_ = muxer.add_stream(*codec_);
    stream_->avg_frame_rate = codec_->framerate;
    make_frames_and_scaler();
  }

  std::int64_t frames() const { return frames_; }

  void write(std::span<const std::uint8_t> rgb) {
    if (av_frame_make_writable(frame_.get()) < 0) throw resource_error("out of memory");
    // Through a padded copy: the scaler reads a little beyond the last row.
    av_image_copy_plane(rgb_->data[0], rgb_->linesize[0], rgb.data(), codec_->width * 3,
                        codec_->width * 3, codec_->height);
    sws_scale(scaler_.get(), rgb_->data, rgb_->linesize, 0, codec_->height, frame_->data,
              frame_->linesize);
    frame_->pts = frames_++;
    muxer_.encode(*codec_, stream_, frame_.get());
  }

  void finish() { muxer_.encode(*codec_, stream_, nullptr); }

 private:
  void open(const VideoOptions& options) {
    const AVCodec& encoder = find_encoder("libx264", "H.264");
    codec_ = make_encoder(encoder);
    codec_->width = options.width;
    codec_->height = options.height;
    codec_->time_base = {1, options.fps};
    codec_->framerate = {options.fps, 1};
    codec_->pix_fmt = AV_PIX_FMT_YUV420P;
    codec_->color_range = AVCOL_RANGE_MPEG;
    codec_->colorspace = AVCOL_SPC_SMPTE170M;
    codec_->color_primaries = AVCOL_PRI_BT709;
    codec_->color_trc = AVCOL_TRC_BT709;
    av_opt_set_double(codec_->priv_data, "crf", options.crf, 0);
    av_opt_set(codec_->priv_data, "preset", options.preset.c_str(), 0);
    // The same frames give the same video on every machine and in every run. (Without it, small
    // pictures depend on what was in the memory before, where the processor has AVX-512.)
    av_opt_set(codec_->priv_data, "x264-params", "cpu-independent=1", 0);
    if (const int error = avcodec_open2(codec_.get(), &encoder, nullptr); error < 0) {
      throw input_error("libx264 refuses {} x {} pixels: {}", options.width, options.height,
                        ffmpeg::error_text(error));
    }
  }

  void make_frames_and_scaler() {
    const int width = codec_->width;
    const int height = codec_->height;
    rgb_ = make_picture(width, height, AV_PIX_FMT_RGB24);
    frame_ = make_picture(width, height, codec_->pix_fmt);
    frame_->color_range = codec_->color_range;
    frame_->colorspace = codec_->colorspace;
    frame_->color_primaries = codec_->color_primaries;
    frame_->color_trc = codec_->color_trc;
    constexpr int kFlags = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP;
    scaler_.reset(sws_getContext(width, height, AV_PIX_FMT_RGB24, width, height, codec_->pix_fmt,
                                 kFlags, nullptr, nullptr, nullptr));
    if (!scaler_) throw resource_error("out of memory");
    const int* matrix = sws_getCoefficients(SWS_CS_SMPTE170M);
    sws_setColorspaceDetails(scaler_.get(), matrix, 1, matrix, 0, 0, 1 << 16, 1 << 16);
  }

  Muxer& muxer_;
  ffmpeg::Codec codec_;
  ffmpeg::Frame rgb_;    // as the caller gives it
  ffmpeg::Frame frame_;  // as the encoder takes it
  ffmpeg::Sws scaler_;
  AVStream* stream_ = nullptr;
  std::int64_t frames_ = 0;
};

/// Interleaved samples to AAC. They wait until they fill one of the encoder's frames.
class VideoWriter::AudioTrack {
 public:
  AudioTrack(Muxer& muxer, const VideoOptions& options) : muxer_(muxer) {
    const AVCodec& encoder = find_encoder("aac", "AAC");
    codec_ = make_encoder(encoder);
    codec_->sample_rate = options.audio_rate;
    codec_->sample_fmt = AV_SAMPLE_FMT_FLTP;
    codec_->time_base = {1, options.audio_rate};
    // About 64 kbit/s a channel at 16 kHz and 128 at 48 kHz: beyond hearing for speech.
    codec_->bit_rate = options.audio_channels * std::min(128000, options.audio_rate * 4);
    av_channel_layout_default(&codec_->ch_layout, options.audio_channels);
    if (avcodec_open2(codec_.get(), &encoder, nullptr) < 0) {
      throw input_error("the AAC encoder refuses {} channels at {} Hz", options.audio_channels,
                        options.audio_rate);
    }
    stream_ = muxer.add_stream(*codec_);
  }

  void write(std::span<const float> interleaved) {
    waiting_.insert(waiting_.end(), interleaved.begin(), interleaved.end());
    const std::size_t whole = static_cast<std::size_t>(codec_->frame_size) * channels();
    std::size_t done = 0;
    for (; waiting_.size() - done >= whole; done += whole) {
      encode(std::span(waiting_).subspan(done, whole));
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(done));
  }

  void finish() {
    if (!waiting_.empty()) encode(waiting_);
    muxer_.encode(*codec_, stream_, nullptr);
  }

 private:
  int channels() const { return codec_->ch_layout.nb_channels; }

  void encode(std::span<const float> interleaved) {
    const ffmpeg::Frame frame = ffmpeg::make_frame();
    frame->format = codec_->sample_fmt;
    frame->sample_rate = codec_->sample_rate;
    frame->nb_samples = static_cast<int>(interleaved.size()) / channels();
    frame->pts = samples_;
    if (av_channel_layout_copy(&frame->ch_layout, &codec_->ch_layout) < 0 ||
        av_frame_get_buffer(frame.get(), 0) < 0) {
      throw resource_error("out of memory");
    }
    for (int c = 0; c < channels(); ++c) {
      auto* plane = reinterpret_cast<float*>(frame->extended_data[c]);
      for (int i = 0; i < frame->nb_samples; ++i) {
        plane[i] = std::clamp(interleaved[static_cast<std::size_t>(i) * channels() + c], -1.f, 1.f);
      }
    }
    samples_ += frame->nb_samples;
    muxer_.encode(*codec_, stream_, frame.get());
  }

  Muxer& muxer_;
  ffmpeg::Codec codec_;
  AVStream* stream_ = nullptr;
  std::vector<float> waiting_;
  std::int64_t samples_ = 0;
};

VideoWriter::VideoWriter(const std::filesystem::path& path, const VideoOptions& options)
    : options_(options) {
  check_options(options);
  muxer_ = std::make_unique<Muxer>(path);
  video_ = std::make_unique<VideoTrack>(*muxer_, options);
  if (options.audio_rate != 0) audio_ = std::make_unique<AudioTrack>(*muxer_, options);
  muxer_->start(options.metadata);
}

VideoWriter::~VideoWriter() = default;

void VideoWriter::write_frame(std::span<const std::uint8_t> rgb) {
  const std::size_t expected = static_cast<std::size_t>(options_.width) * options_.height * 3;
  MULTITALK_CHECK(rgb.size() == expected, "a frame of {} bytes, expected {}", rgb.size(), expected);
  video_->write(rgb);
}

void VideoWriter::write_audio(std::span<const float> interleaved) {
  MULTITALK_CHECK(audio_ != nullptr, "sound for a video without sound");
  MULTITALK_CHECK(interleaved.size() % static_cast<std::size_t>(options_.audio_channels) == 0,
                  "{} samples for {} channels", interleaved.size(), options_.audio_channels);
  audio_->write(interleaved);
}

void VideoWriter::set_metadata(const std::string& key, const std::string& value) {
  muxer_->set_metadata(key, value);
}

void VideoWriter::finish() {
  if (video_->frames() == 0) throw input_error("the video has no frames");
  video_->finish();
  if (audio_) audio_->finish();
  muxer_->finish();
}

}  // namespace multitalk
