#include "media/video_reader.h"

#include "base/error.h"
#include "base/file.h"
#include "media/ffmpeg.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace multitalk {

namespace {

double seconds(std::int64_t ticks, AVRational time_base) {
  return ticks == AV_NOPTS_VALUE ? 0 : static_cast<double>(ticks) * av_q2d(time_base);
}

void fill_video(VideoInfo& info, const AVStream& stream) {
  info.width = stream.codecpar->width;
  info.height = stream.codecpar->height;
  info.fps = av_q2d(stream.avg_frame_rate.den != 0 ? stream.avg_frame_rate : stream.r_frame_rate);
  info.video_codec = avcodec_get_name(stream.codecpar->codec_id);
  const char* name = av_get_pix_fmt_name(static_cast<AVPixelFormat>(stream.codecpar->format));
  info.pixel_format = name == nullptr ? "" : name;
}

void fill_audio(VideoInfo& info, const AVStream& stream) {
  info.audio_codec = avcodec_get_name(stream.codecpar->codec_id);
  info.audio_rate = stream.codecpar->sample_rate;
  info.audio_channels = stream.codecpar->ch_layout.nb_channels;
  info.audio_duration_s = seconds(stream.duration, stream.time_base);
}

std::int64_t count_packets(AVFormatContext* input, int stream) {
  const ffmpeg::Packet packet = ffmpeg::make_packet();
  std::int64_t count = 0;
  while (av_read_frame(input, packet.get()) >= 0) {
    count += packet->stream_index == stream ? 1 : 0;
    av_packet_unref(packet.get());
  }
  return count;
}

ffmpeg::Sws make_scaler(const AVFrame& frame) {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  constexpr int kFlags = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP;
  ffmpeg::Sws scaler(sws_getContext(frame.width, frame.height, format, frame.width, frame.height,
                                    AV_PIX_FMT_RGB24, kFlags, nullptr, nullptr, nullptr));
  if (!scaler) throw input_error("cannot convert its frames to RGB");
  const int* matrix = sws_getCoefficients(frame.colorspace);
  const int full_range = frame.color_range == AVCOL_RANGE_JPEG ? 1 : 0;
  sws_setColorspaceDetails(scaler.get(), matrix, full_range, matrix, 1, 0, 1 << 16, 1 << 16);
  return scaler;
}

}  // namespace

VideoInfo probe_video(const std::filesystem::path& path) {
  require_file(path, "video");
  const ffmpeg::Input input = ffmpeg::open_input(path);
  const int video = av_find_best_stream(input.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  if (video < 0) throw input_error("{}: has no picture stream", path.string());
  VideoInfo info;
  fill_video(info, *input->streams[video]);
  const int audio = av_find_best_stream(input.get(), AVMEDIA_TYPE_AUDIO, -1, -1, nullptr, 0);
  if (audio >= 0) fill_audio(info, *input->streams[audio]);
  info.duration_s = seconds(input->duration, AVRational{1, AV_TIME_BASE});
  const AVDictionaryEntry* entry = nullptr;
  while ((entry = av_dict_get(input->metadata, "", entry, AV_DICT_IGNORE_SUFFIX)) != nullptr) {
    info.metadata[entry->key] = entry->value;
  }
  info.frames = count_packets(input.get(), video);
  return info;
}

class VideoReader::State {
 public:
  explicit State(const std::filesystem::path& path) : decoder_(path, AVMEDIA_TYPE_VIDEO) {}

  bool next(Image& image) {
    const AVFrame* frame = decoder_.next();
    if (frame == nullptr) return false;
    if (!scaler_ || frame->width != width_ || frame->height != height_) {
      scaler_ = make_scaler(*frame);
      width_ = frame->width;
      height_ = frame->height;
    }
    image = Image(width_, height_);
    std::uint8_t* const planes[] = {image.rgb.data()};
    const int strides[] = {width_ * 3};
    sws_scale(scaler_.get(), frame->data, frame->linesize, 0, height_, planes, strides);
    return true;
  }

 private:
  ffmpeg::StreamDecoder decoder_;
  ffmpeg::Sws scaler_;
  int width_ = 0;
  int height_ = 0;
};

VideoReader::VideoReader(const std::filesystem::path& path) {
  require_file(path, "video");
  state_ = std::make_unique<State>(path);
}

VideoReader::~VideoReader() = default;

bool VideoReader::next(Image& image) { return state_->next(image); }

}  // namespace multitalk
