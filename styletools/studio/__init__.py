"""The live studio: `loop` has the worker thread, `engine` what it drives, `views` make HTML of frames, `panel` has widgets."""
