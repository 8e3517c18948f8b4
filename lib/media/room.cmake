multitalk_room(media
  SOURCES audio_reader.cpp exif.cpp ffmpeg.cpp image_jpeg.cpp image_png.cpp image_reader.cpp
          image_resize.cpp image_stb.cpp image_webp.cpp image_writer.cpp loudness.cpp resample.cpp
          speech.cpp video_reader.cpp video_writer.cpp wav_writer.cpp
  DEPENDS multitalk_base multitalk_stb PkgConfig::SNDFILE PkgConfig::SAMPLERATE PkgConfig::JPEG
          PkgConfig::PNG PkgConfig::WEBP PkgConfig::FFMPEG)
