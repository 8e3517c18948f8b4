# Everything the project takes from outside, each behind one imported or interface target.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json 3.10 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc i18n)
find_package(OpenSSL 3 REQUIRED COMPONENTS Crypto)
find_package(LibTorch 2.11 REQUIRED)  # cmake/FindLibTorch.cmake

pkg_check_modules(SNDFILE REQUIRED IMPORTED_TARGET sndfile)
pkg_check_modules(SAMPLERATE REQUIRED IMPORTED_TARGET samplerate)
pkg_check_modules(JPEG REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET libwebp libwebpdemux)
pkg_check_modules(FFMPEG REQUIRED IMPORTED_TARGET
                  libavformat>=59.27 libavcodec>=59.37 libavutil>=57.28  # FFmpeg 5.1
                  libswscale>=6 libswresample>=4.7)

find_path(STB_INCLUDE_DIR stb_image.h PATH_SUFFIXES stb REQUIRED)
add_library(multitalk_stb INTERFACE)
target_include_directories(multitalk_stb SYSTEM INTERFACE ${STB_INCLUDE_DIR})
