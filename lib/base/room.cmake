multitalk_room(base TORCH
  SOURCES byte_progress.cpp device.cpp digest.cpp error.cpp file.cpp interrupt.cpp log.cpp progress.cpp
          sha256.cpp text.cpp
  DEPENDS fmt::fmt spdlog::spdlog nlohmann_json::nlohmann_json OpenSSL::Crypto Threads::Threads
          ${CMAKE_DL_LIBS})
target_compile_definitions(multitalk_base PRIVATE MULTITALK_VERSION="${PROJECT_VERSION}")
