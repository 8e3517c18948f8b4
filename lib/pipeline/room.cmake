multitalk_room(pipeline TORCH
  SOURCES adaptation.cpp checkpoint_manifest.cpp clip_renderer.cpp color_correction.cpp
          conditioning.cpp convert.cpp convert_plan.cpp cover_fit.cpp frame_mask.cpp
          frame_schedule.cpp generate.cpp input_json.cpp inspect.cpp inspect_report.cpp job.cpp
          job_settings.cpp json_fields.cpp latent_trace.cpp memory_plan.cpp model_set.cpp plan.cpp
          presets.cpp probe.cpp provenance.cpp speaker_masks.cpp speech.cpp task.cpp
          weight_hashes.cpp
  DEPENDS multitalk_sampling multitalk_models multitalk_media)

# The built-in tasks: every file of configs/ as a string in the library.
file(GLOB task_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/configs/*.json)
set(BUILTIN_TASKS "")
foreach(task_file IN LISTS task_files)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${task_file})
  get_filename_component(task_name ${task_file} NAME_WLE)
  file(READ ${task_file} task_text)
  string(APPEND BUILTIN_TASKS "      {\"${task_name}\", R\"json(${task_text})json\"},\n")
endforeach()
configure_file(${CMAKE_CURRENT_LIST_DIR}/builtin_tasks.cpp.in
               ${CMAKE_CURRENT_BINARY_DIR}/pipeline/builtin_tasks.cpp @ONLY)
target_sources(multitalk_pipeline PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/pipeline/builtin_tasks.cpp)
