"""Voxels, surfaces and meshes, and the rasteriser that draws them."""
